package signing_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/paymux/paymux/signing"
)

func TestKeyRing(t *testing.T) {
	extra, err := signing.GenerateEd25519()
	if err != nil {
		t.Fatal(err)
	}
	next, err := signing.NewPlatformKey(extra)
	if err != nil {
		t.Fatal(err)
	}
	ed, rsa2 := examplePlatformKey(t, "platform-ed25519"), examplePlatformKey(t, "platform-rsa2")
	ring, err := signing.NewKeyRing(ed, next, rsa2)
	if err != nil {
		t.Fatal(err)
	}
	if current, err := ring.Current(signing.Ed25519); err != nil || current.Serial != ed.Serial {
		t.Errorf("current %v, %v, want the first given", current, err)
	}
	var order []string
	for _, key := range ring.All() {
		order = append(order, key.Serial)
	}
	if want := []string{rsa2.Serial, ed.Serial, next.Serial}; fmt.Sprint(order) != fmt.Sprint(want) {
		t.Errorf("order %v, want %v", order, want)
	}
	if _, err := ring.Current("none"); err == nil {
		t.Error("an unknown algorithm has a key")
	}
	published, err := ring.Published()
	if err != nil {
		t.Fatal(err)
	}
	document, err := json.Marshal(published)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := signing.ParsePlatformKeys(document)
	if err != nil || len(keys) != 3 || signing.Serial(keys[next.Serial]) != next.Serial {
		t.Errorf("published keys read as %v, %v", keys, err)
	}
}

func TestKeyRing_Refuses(t *testing.T) {
	ed, rsa2 := examplePlatformKey(t, "platform-ed25519"), examplePlatformKey(t, "platform-rsa2")
	renamed, swapped := rsa2, rsa2
	renamed.Serial = ed.Serial
	swapped.Algorithm = signing.Ed25519
	for name, keys := range map[string][]signing.PlatformKey{
		"nothing": nil, "twice": {ed, rsa2, ed}, "no signer": {{Serial: "S"}},
		"another serial": {renamed}, "another algorithm": {swapped}, "weak": {{Serial: "S", Algorithm: signing.RSA2, Signer: weakRSA(t)}},
	} {
		if _, err := signing.NewKeyRing(keys...); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestParsePlatformKeys_Refuses(t *testing.T) {
	published, err := exampleRing(t).Published()
	if err != nil {
		t.Fatal(err)
	}
	spoil := map[string]func(k *signing.PublishedKey){
		"serial":    func(k *signing.PublishedKey) { k.Serial = "S" },
		"algorithm": func(k *signing.PublishedKey) { k.Algorithm = signing.Ed25519 },
		"key":       func(k *signing.PublishedKey) { k.PublicKey = "" },
		"other key": func(k *signing.PublishedKey) { k.PublicKey = published.Data[1].PublicKey },
	}
	for name, change := range spoil {
		spoilt := published.Data[0]
		change(&spoilt)
		document, err := json.Marshal(signing.PublishedKeys{Data: []signing.PublishedKey{spoilt}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := signing.ParsePlatformKeys(document); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, document := range []string{"", "{}", `{"data":[]}`, "[]"} {
		if _, err := signing.ParsePlatformKeys([]byte(document)); err == nil {
			t.Errorf("%q: no error", document)
		}
	}
}

func TestSecrets_AreNotPrinted(t *testing.T) {
	master, err := signing.ParseMasterKey(strings.Repeat("ab", 32))
	if err != nil {
		t.Fatal(err)
	}
	key := examplePlatformKey(t, "platform-ed25519")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, master); got != "master key "+master.ID {
			t.Errorf("%s prints %s", verb, got)
		}
		if got := fmt.Sprintf(verb, key); got != "ed25519 key "+key.Serial {
			t.Errorf("%s prints %s", verb, got)
		}
	}
	if text, err := json.Marshal(master); err != nil || strings.Contains(string(text), "171") {
		t.Errorf("JSON %s, %v", text, err)
	}
}

func TestParseAlgorithm(t *testing.T) {
	for _, alg := range []signing.Algorithm{signing.RSA2, signing.Ed25519} {
		if got, err := signing.ParseAlgorithm(string(alg)); err != nil || got != alg {
			t.Errorf("%s read as %q, %v", alg, got, err)
		}
	}
	for _, name := range []string{"", "RSA2", "rsa", "hmac", "none", "ed25519 "} {
		if got, err := signing.ParseAlgorithm(name); err == nil {
			t.Errorf("%q read as %q", name, got)
		}
	}
}
