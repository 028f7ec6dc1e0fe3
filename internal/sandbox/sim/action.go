package sim

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// Action is what a merchant was given for the payer, in the form of the gateway's payment resource.
type Action struct {
	Type    string            `json:"type"`
	CodeURL string            `json:"code_url"` // qr_code
	URL     string            `json:"url"`      // redirect, form
	Fields  map[string]string `json:"fields"`   // form
	Params  json.RawMessage   `json:"params"`   // app, jsapi: a string or an object, by channel
	TN      string            `json:"tn"`       // tolerated beside params {"tn"}
}

// The types of an action.
const (
	ActionQRCode   = "qr_code"
	ActionRedirect = "redirect"
	ActionForm     = "form"
	ActionApp      = "app"
	ActionJSAPI    = "jsapi"
)

// CodeToken answers what the address of a code ends in.
func (a Action) CodeToken() (string, error) {
	u, err := url.Parse(a.CodeURL)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrBadAction, err)
	}
	return u.Path[strings.LastIndex(u.Path, "/")+1:], nil
}

// ParamsText answers the parameters where they are a JSON string.
func (a Action) ParamsText() (string, bool) {
	var s string
	if json.Unmarshal(a.Params, &s) != nil {
		return "", false
	}
	return s, true
}

// ParamsField answers one text field where the parameters are a JSON object.
func (a Action) ParamsField(name string) (string, bool) {
	var object map[string]json.RawMessage
	if json.Unmarshal(a.Params, &object) != nil {
		return "", false
	}
	var s string
	if json.Unmarshal(object[name], &s) != nil {
		return "", false
	}
	return s, true
}
