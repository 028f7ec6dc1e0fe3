package credentials

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

type account struct {
	AppID string   `json:"app_id"`
	Key   string   `json:"key,omitempty"`
	Days  *int     `json:"days,omitempty"`
	Keys  []string `json:"keys,omitempty"`
}

func (a account) faults() []error {
	if a.AppID == "" {
		return []error{errors.New("demo credentials: app_id is missing")}
	}
	return nil
}

func TestRead(t *testing.T) {
	got, err := Read("demo", []byte(` {"app_id":"a","days":3,"keys":["k"]}`+"\n"), account.faults)
	if err != nil || got.AppID != "a" || *got.Days != 3 || len(got.Keys) != 1 {
		t.Fatalf("read %+v, error %v", got, err)
	}
	many := make([]string, maxNames+1)
	for i := range many {
		many[i] = fmt.Sprintf(`"n%d":0`, i)
	}
	for name, tt := range map[string]struct{ raw, want string }{
		"all together": {`{"red":1,"blue":2}`, "demo credentials: field \"red\" is not known\n" +
			"demo credentials: field \"blue\" is not known\ndemo credentials: app_id is missing"},
		"other case":   {`{"app_id":"a","App_ID":"b"}`, `demo credentials: field "App_ID" is not known`},
		"long name":    {`{"app_id":"a","` + strings.Repeat("x", 200) + `":1}`, `demo credentials: field "` + strings.Repeat("x", 64) + `" is not known`},
		"number":       {`{"red":1,"app_id":4711}`, "demo credentials: field \"red\" is not known\ndemo credentials: field \"app_id\" holds a number"},
		"repeated":     {`{"app_id":"a","app_id":"a"}`, "demo credentials are not one JSON object with each name once"},
		"escaped twin": {`{"app_id":"a","app\u005fid":"a"}`, "demo credentials are not one JSON object with each name once"},
		"followed":     {`{"app_id":"a"}{}`, "demo credentials are not one JSON object with each name once"},
		"list":         {`[]`, "demo credentials are not one JSON object with each name once"},
		"cut":          {`{"app_id":"a"`, "demo credentials are not one JSON object with each name once"},
		"empty":        {``, "demo credentials are not one JSON object with each name once"},
		"too many":     {`{` + strings.Join(many, ",") + `}`, "demo credentials are not one JSON object with each name once"},
	} {
		got, err := Read("demo", []byte(tt.raw), account.faults)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: error %q, want %q", name, err, tt.want)
		}
		if got.AppID != "" {
			t.Errorf("%s: something is read: %+v", name, got)
		}
	}
}

// FuzzRead: what is accepted is valid JSON whose every name is a field's, and
// faults quote no value.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"app_id":"a","days":3}`))
	f.Add([]byte(`{"app_id":"a",}`))
	f.Add([]byte(`{"app_id":4711000000}`))
	f.Add([]byte(`{"app_id":"a","keys":[{"a":1,"a":2}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, err := Read("demo", raw, account.faults); err != nil {
			return
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(raw, &members); err != nil {
			t.Fatalf("accepted %q: %v", raw, err)
		}
		for name := range members {
			switch name {
			case "app_id", "key", "days", "keys":
			default:
				t.Errorf("accepted the name %q", name)
			}
		}
	})
}
