package signing_test

import (
	"crypto"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/signing"
)

var answerBody = []byte(`{"id":"pay_1","status":"succeeded"}`)

func signedAnswer(t testing.TB, key signing.PlatformKey, nonce string, status int, body []byte) http.Header {
	t.Helper()
	signed, err := signing.SignAnswer(key, goldenTime, nonce, status, body)
	if err != nil {
		t.Fatal(err)
	}
	header := http.Header{}
	signed.SetHeaders(header)
	return header
}

func TestVerifyAnswer_Refuses(t *testing.T) {
	ring := exampleRing(t)
	rsa2, ed := examplePlatformKey(t, "platform-rsa2"), examplePlatformKey(t, "platform-ed25519")
	edAnswer := signedAnswer(t, ed, goodNonce, 200, answerBody)
	type answer struct {
		header http.Header
		status int
		body   []byte
		check  signing.AnswerCheck
	}
	for name, v := range map[string]struct {
		change func(a *answer)
		want   error
	}{
		"nothing changed":      {func(*answer) {}, nil},
		"no headers":           {func(a *answer) { a.header = http.Header{} }, signing.ErrAnswerUnsigned},
		"other status":         {func(a *answer) { a.status = 201 }, signing.ErrSignature},
		"other body":           {func(a *answer) { a.body = []byte(`{"id":"pay_1","status":"failed"}`) }, signing.ErrSignature},
		"body with a line end": {func(a *answer) { a.body = append(a.body[:len(a.body):len(a.body)], '\n') }, signing.ErrSignature},
		"other nonce":          {func(a *answer) { a.header.Set(signing.HeaderNonce, "0123456789abcdef") }, signing.ErrAnswerMalformed},
		"of another request":   {func(a *answer) { a.check.Nonce = "0123456789abcdef" }, signing.ErrAnswerMalformed},
		"no nonce":             {func(a *answer) { a.header.Del(signing.HeaderNonce) }, signing.ErrAnswerMalformed},
		"nonce twice":          {func(a *answer) { a.header.Add(signing.HeaderNonce, goodNonce) }, signing.ErrAnswerMalformed},
		"no timestamp":         {func(a *answer) { a.header.Del(signing.HeaderTimestamp) }, signing.ErrAnswerMalformed},
		"timestamp changed":    {func(a *answer) { a.header.Set(signing.HeaderTimestamp, "1763700001") }, signing.ErrSignature},
		"timestamp unreadable": {func(a *answer) { a.header.Set(signing.HeaderTimestamp, "now") }, signing.ErrAnswerMalformed},
		"stale":                {func(a *answer) { a.check.Now = goldenTime.Add(301 * time.Second) }, signing.ErrAnswerMalformed},
		"from the future":      {func(a *answer) { a.check.Now = goldenTime.Add(-301 * time.Second) }, signing.ErrAnswerMalformed},
		"unknown serial":       {func(a *answer) { a.header.Set(signing.HeaderSerial, "S") }, signing.ErrPlatformKeyUnknown},
		"no trusted key":       {func(a *answer) { a.check.Keys = nil }, signing.ErrPlatformKeyUnknown},
		"other key's serial":   {func(a *answer) { a.header.Set(signing.HeaderSerial, ed.Serial) }, signing.ErrSignature},
		"no signature":         {func(a *answer) { a.header.Del(signing.HeaderSignature) }, signing.ErrAnswerMalformed},
		"no serial":            {func(a *answer) { a.header.Del(signing.HeaderSerial) }, signing.ErrAnswerMalformed},
		"empty signature":      {func(a *answer) { a.header.Set(signing.HeaderSignature, "") }, signing.ErrSignature},
		"not base64":           {func(a *answer) { a.header.Set(signing.HeaderSignature, "?") }, signing.ErrAnswerMalformed},
		"second pair forged": {func(a *answer) {
			a.header.Add(signing.HeaderSerial, ed.Serial)
			a.header.Add(signing.HeaderSignature, a.header.Get(signing.HeaderSignature))
		}, signing.ErrSignature},
		"second pair good": {func(a *answer) {
			a.header.Add(signing.HeaderSerial, ed.Serial)
			a.header.Add(signing.HeaderSignature, edAnswer.Get(signing.HeaderSignature))
		}, nil},
		"file hash added": {func(a *answer) {
			a.header.Set(signing.HeaderContentSHA256, string(signing.FileBody(a.body)))
		}, signing.ErrSignature},
		"file hash wrong": {func(a *answer) {
			a.header.Set(signing.HeaderContentSHA256, strings.Repeat("0", 64))
		}, signing.ErrAnswerMalformed},
	} {
		a := answer{
			header: signedAnswer(t, rsa2, goodNonce, 200, answerBody), status: 200, body: answerBody,
			check: signing.AnswerCheck{Keys: ring.PublicKeys(), Nonce: goodNonce, Now: goldenTime},
		}
		v.change(&a)
		err := signing.VerifyAnswer(a.check, a.status, a.header, a.body)
		if !errors.Is(err, v.want) {
			t.Errorf("%s: error %v, want %v", name, err, v.want)
		}
	}
}

func TestVerifyAnswer_File(t *testing.T) {
	content := []byte("a,b\r\n1,2\r\n")
	key := examplePlatformKey(t, "platform-ed25519")
	header := signedAnswer(t, key, goodNonce, 200, signing.FileBody(content))
	header.Set(signing.HeaderContentSHA256, string(signing.FileBody(content)))
	check := signing.AnswerCheck{Keys: exampleRing(t).PublicKeys(), Nonce: goodNonce, Now: goldenTime}
	if err := signing.VerifyAnswer(check, 200, header, content); err != nil {
		t.Error(err)
	}
	if err := signing.VerifyAnswer(check, 200, header, content[1:]); !errors.Is(err, signing.ErrAnswerMalformed) {
		t.Errorf("another content: %v", err)
	}
}

// Whoever holds one platform key can trust the list of all of them.
func TestSignAnswerWithAll_EachKeyAloneVerifies(t *testing.T) {
	ring := exampleRing(t)
	header := http.Header{}
	if err := signing.SignAnswerWithAll(header, ring.All(), goldenTime, "", 200, answerBody); err != nil {
		t.Fatal(err)
	}
	for i, key := range ring.All() {
		if got := header.Values(signing.HeaderSerial)[i]; got != key.Serial {
			t.Errorf("pair %d has serial %s, want %s", i, got, key.Serial)
		}
		check := signing.AnswerCheck{Keys: map[string]crypto.PublicKey{key.Serial: key.Public()}, Now: goldenTime}
		if err := signing.VerifyAnswer(check, 200, header, answerBody); err != nil {
			t.Errorf("%s alone: %v", key, err)
		}
	}
	if len(header.Values(signing.HeaderNonce)) != 1 || header.Get(signing.HeaderNonce) != "" {
		t.Errorf("nonce %q, want one empty header", header.Values(signing.HeaderNonce))
	}
}
