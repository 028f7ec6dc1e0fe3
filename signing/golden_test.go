package signing_test

import (
	"encoding/base64"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/signing"
)

var update = flag.Bool("update", false, "write the golden vectors anew")

const goldenFile = "testdata/vectors.json"

// vectors holds input and expected output together; the fields with a hex or
// base64 value are made by -update and checked in.
type vectors struct {
	Requests []requestVector `json:"requests"`
	Answers  []answerVector  `json:"answers"`
	Webhooks []webhookVector `json:"webhooks"`
}

type requestVector struct {
	Name      string `json:"name"`
	Method    string `json:"method"`
	Target    string `json:"target"`
	Timestamp string `json:"timestamp"`
	Nonce     string `json:"nonce"`
	Body      string `json:"body"`
	Text      string `json:"text"`
	Signature string `json:"signature"`
}

type answerVector struct {
	Name      string `json:"name"`
	Key       string `json:"key"`
	Timestamp string `json:"timestamp"`
	Nonce     string `json:"nonce"`
	Status    int    `json:"status"`
	Body      string `json:"body"`
	Text      string `json:"text"`
	Serial    string `json:"serial"`
	Signature string `json:"signature"`
}

type webhookVector struct {
	Name      string   `json:"name"`
	Secrets   []string `json:"secrets"`
	ID        string   `json:"id"`
	Timestamp string   `json:"timestamp"`
	Body      string   `json:"body"`
	Signature string   `json:"signature"`
}

func loadVectors(t testing.TB) vectors {
	t.Helper()
	content, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(content, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Requests) == 0 || len(v.Answers) == 0 || len(v.Webhooks) == 0 {
		t.Fatal("a group of vectors is empty")
	}
	return v
}

func TestGolden_Vectors(t *testing.T) {
	v := loadVectors(t)
	want, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	merchant := exampleSigner(t, "merchant")
	for i := range v.Requests {
		r := &v.Requests[i]
		text := signing.RequestText(r.Method, r.Target, r.Timestamp, r.Nonce, []byte(r.Body))
		signature, err := signing.Sign(merchant, signing.RSA2, text)
		if err != nil {
			t.Fatalf("%s: %v", r.Name, err)
		}
		r.Text, r.Signature = string(text), base64.StdEncoding.EncodeToString(signature)
		if err := signing.Verify(merchant.Public(), text, signature); err != nil {
			t.Errorf("%s: %v", r.Name, err)
		}
	}
	for i := range v.Answers {
		a := &v.Answers[i]
		key := examplePlatformKey(t, a.Key)
		signed, err := signing.SignAnswer(key, unixTime(t, a.Timestamp), a.Nonce, a.Status, []byte(a.Body))
		if err != nil {
			t.Fatalf("%s: %v", a.Name, err)
		}
		if signed.Timestamp != a.Timestamp || signed.Nonce != a.Nonce {
			t.Errorf("%s: timestamp and nonce are not repeated: %+v", a.Name, signed)
		}
		a.Text = string(signing.AnswerText(a.Timestamp, a.Nonce, a.Status, []byte(a.Body)))
		a.Serial, a.Signature = signed.Serial, signed.Signature
	}
	for i := range v.Webhooks {
		w := &v.Webhooks[i]
		w.Signature = signing.WebhookSignature(parseSecrets(t, w.Secrets), w.ID, unixTime(t, w.Timestamp), []byte(w.Body))
	}
	got, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		writeVectors(t, v)
		return
	}
	if string(got) != string(want) {
		t.Errorf("vectors differ\n got %s\nwant %s", got, want)
	}
}

// The texts written out by hand, so that the golden file cannot carry an error
// of the code along.
func TestTexts_ByHand(t *testing.T) {
	request := signing.RequestText("POST", "/v1/payments?a=b", "1763700000", "nonce-0123456789", []byte(`{"a":"支付"}`))
	if want := "POST\n/v1/payments?a=b\n1763700000\nnonce-0123456789\n{\"a\":\"支付\"}\n"; string(request) != want {
		t.Errorf("request text %q, want %q", request, want)
	}
	if got, want := string(signing.RequestText("GET", "/", "1", "n", nil)), "GET\n/\n1\nn\n\n"; got != want {
		t.Errorf("request text without body %q, want %q", got, want)
	}
	if got, want := string(signing.AnswerText("1763700000", "", 200, []byte("{}"))), "1763700000\n\n200\n{}\n"; got != want {
		t.Errorf("answer text %q, want %q", got, want)
	}
	const emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	if got := string(signing.FileBody(nil)); got != emptySHA256 {
		t.Errorf("hash of an empty file %s", got)
	}
}

func TestGolden_StandInDocument(t *testing.T) {
	document, err := os.ReadFile(documentFile)
	if err != nil {
		t.Fatal(err)
	}
	v := loadVectors(t)
	for _, r := range v.Requests {
		if !strings.Contains(string(document), r.Signature) {
			t.Errorf("the document lacks the signature of request %q", r.Name)
		}
	}
	for _, a := range v.Answers {
		if !strings.Contains(string(document), a.Signature) || !strings.Contains(string(document), a.Serial) {
			t.Errorf("the document lacks serial or signature of answer %q", a.Name)
		}
	}
}

func TestGolden_AnswersVerify(t *testing.T) {
	keys := exampleRing(t).PublicKeys()
	for _, a := range loadVectors(t).Answers {
		header := http.Header{}
		signing.AnswerSignature{Timestamp: a.Timestamp, Nonce: a.Nonce, Serial: a.Serial, Signature: a.Signature}.SetHeaders(header)
		check := signing.AnswerCheck{Keys: keys, Nonce: a.Nonce, Now: unixTime(t, a.Timestamp)}
		if err := signing.VerifyAnswer(check, a.Status, header, []byte(a.Body)); err != nil {
			t.Errorf("%s: %v", a.Name, err)
		}
	}
}

func writeVectors(t *testing.T, v vectors) {
	t.Helper()
	file, err := os.Create(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	encoder := json.NewEncoder(file)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

func unixTime(t testing.TB, s string) time.Time {
	t.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Unix(n, 0).UTC()
}

func parseSecrets(t testing.TB, texts []string) [][]byte {
	t.Helper()
	secrets := make([][]byte, 0, len(texts))
	for _, text := range texts {
		secret, err := signing.ParseWebhookSecret(text)
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, secret)
	}
	return secrets
}
