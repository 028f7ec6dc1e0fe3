package signing_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/paymux/paymux/signing"
)

func testMasterKey(t testing.TB, b byte) signing.MasterKey {
	t.Helper()
	key, err := signing.GenerateMasterKey(bytes.NewReader(bytes.Repeat([]byte{b}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func testBox(t testing.TB, keys ...signing.MasterKey) *signing.SecretBox {
	t.Helper()
	box, err := signing.NewSecretBox(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return box
}

func TestSecretBox_Rotation(t *testing.T) {
	oldKey, newKey := testMasterKey(t, 1), testMasterKey(t, 2)
	place, secret := []byte("account/acc_123/credentials"), []byte("canary-secret")
	before := testBox(t, oldKey)
	blob, err := before.Seal(secret, place)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(blob, secret) || before.NeedsReseal(blob) {
		t.Error("the blob shows its secret, or wants sealing again at once")
	}
	during := testBox(t, newKey, oldKey)
	plain, err := during.Open(blob, place)
	if err != nil || !bytes.Equal(plain, secret) {
		t.Fatalf("opened %q, %v", plain, err)
	}
	if !during.NeedsReseal(blob) {
		t.Error("a blob under the old key needs no sealing")
	}
	again, err := during.Seal(plain, place)
	if err != nil {
		t.Fatal(err)
	}
	after := testBox(t, newKey)
	if got, err := after.Open(again, place); err != nil || !bytes.Equal(got, secret) {
		t.Errorf("opened %q, %v", got, err)
	}
	if _, err := after.Open(blob, place); !errors.Is(err, signing.ErrMasterKeyUnknown) {
		t.Errorf("the old blob without the old key: %v", err)
	}
}

func TestSecretBox_EverySpoiltByteIsFound(t *testing.T) {
	box := testBox(t, testMasterKey(t, 1))
	place := []byte("account/acc_123/credentials")
	blob, err := box.Seal([]byte("secret"), place)
	if err != nil {
		t.Fatal(err)
	}
	for i := range blob {
		spoilt := bytes.Clone(blob)
		spoilt[i] ^= 1
		if got, err := box.Open(spoilt, place); err == nil {
			t.Errorf("byte %d changed: opened %q", i, got)
		}
		if got, err := box.Open(blob[:i], place); err == nil {
			t.Errorf("cut at %d: opened %q", i, got)
		}
	}
	for _, other := range []string{"", "account/acc_124/credentials", "account/acc_123/credentials ", "merchant/acc_123/credentials"} {
		if _, err := box.Open(blob, []byte(other)); !errors.Is(err, signing.ErrSealed) {
			t.Errorf("moved to %q: %v", other, err)
		}
	}
	if _, err := box.Open(append(bytes.Clone(blob), 0), place); !errors.Is(err, signing.ErrSealed) {
		t.Errorf("one byte more: %v", err)
	}
}

func TestSecretBox_SameSecretSealsDifferently(t *testing.T) {
	box := testBox(t, testMasterKey(t, 1))
	one, err1 := box.Seal(nil, nil)
	two, err2 := box.Seal(nil, nil)
	if err1 != nil || err2 != nil || bytes.Equal(one, two) {
		t.Errorf("blobs %x and %x, %v, %v", one, two, err1, err2)
	}
	if plain, err := box.Open(one, nil); err != nil || len(plain) != 0 {
		t.Errorf("opened %q, %v", plain, err)
	}
	if _, err := box.Seal(make([]byte, 1<<20+1), nil); err == nil {
		t.Error("a secret above the limit is sealed")
	}
}

func TestNewSecretBox_Refuses(t *testing.T) {
	key := testMasterKey(t, 1)
	many := make([]signing.MasterKey, 17)
	for i := range many {
		many[i] = testMasterKey(t, byte(i+1))
	}
	for name, keys := range map[string][]signing.MasterKey{
		"none": nil, "twice": {key, key}, "no id": {{Key: key.Key}}, "zero key": {{ID: "a"}},
		"long id": {{ID: strings.Repeat("x", 65), Key: key.Key}}, "too many": many,
	} {
		if _, err := signing.NewSecretBox(keys...); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestParseMasterKey(t *testing.T) {
	raw := bytes.Repeat([]byte{0xFB}, 32)
	want := testMasterKey(t, 0xFB)
	for _, text := range []string{
		base64.StdEncoding.EncodeToString(raw), hex.EncodeToString(raw), strings.ToUpper(hex.EncodeToString(raw)),
		want.Encode() + "\n", "  " + want.Encode() + "\r\n",
	} {
		if got, err := signing.ParseMasterKey(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "password", hex.EncodeToString(raw[1:]), hex.EncodeToString(raw) + "00", base64.RawStdEncoding.EncodeToString(raw),
		base64.URLEncoding.EncodeToString(raw), strings.Repeat("0", 64), strings.Repeat("zz", 32), strings.Repeat("A", 43) + "=",
		hex.EncodeToString(raw)[:63] + "\n0",
	} {
		if _, err := signing.ParseMasterKey(text); !errors.Is(err, signing.ErrMasterKey) {
			t.Errorf("%q: error %v", text, err)
		}
	}
	if _, err := signing.GenerateMasterKey(bytes.NewReader(raw[1:])); err == nil {
		t.Error("a short random source makes a key")
	}
}

func FuzzSecretBoxOpen(f *testing.F) {
	box := testBox(f, testMasterKey(f, 1))
	good, err := box.Seal([]byte("secret"), []byte("a place that no seed names"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, []byte("elsewhere"))
	f.Add([]byte{1, 255}, []byte(nil))
	f.Add([]byte{1, 16}, []byte("place"))
	f.Fuzz(func(t *testing.T, blob, place []byte) {
		if plain, err := box.Open(blob, place); err == nil {
			t.Fatalf("forged: opened %q", plain)
		}
		box.NeedsReseal(blob)
	})
}

func FuzzParseMasterKey(f *testing.F) {
	f.Add(strings.Repeat("ab", 32))
	f.Add(testMasterKey(f, 1).Encode())
	f.Fuzz(func(t *testing.T, text string) {
		key, err := signing.ParseMasterKey(text)
		if err != nil {
			return
		}
		if again, err := signing.ParseMasterKey(key.Encode()); err != nil || again != key {
			t.Fatalf("%v read again as %v, %v", key, again, err)
		}
	})
}
