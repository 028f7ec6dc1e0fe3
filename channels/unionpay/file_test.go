package unionpay

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
)

func pack(t testing.TB, content []byte) string {
	t.Helper()
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// fileDay is 2026-11-20; its start is of another day in UTC.
func fileDay() channels.Day { return channels.DayAt(time.Date(2026, 11, 19, 17, 0, 0, 0, time.UTC)) }

// downloaded is a file with what was written of it.
type downloaded struct {
	File
	content []byte
}

func download(t *testing.T, pairs ...string) (downloaded, *gateway, error) {
	t.Helper()
	g := answering(t, pairs...)
	cfg := testConfig("https://gateway.example.com")
	cfg.FileURL = g.URL
	var out bytes.Buffer
	f, err := newClient(t, cfg).DownloadFile(t.Context(), fileDay(), &out)
	return downloaded{f, out.Bytes()}, g, err
}

// TestVectorsFile: a recorded archive, in a message of our own.
func TestVectorsFile(t *testing.T) {
	text := strings.TrimSpace(string(adaptertest.Vector(t, Name, "recon/700000000000001_20170119.fileContent.b64.txt")))
	f, g, err := download(t, "respCode", "00", "settleDate", "1120", "fileName", "700000000000001_20170119.zip", "fileContent", text)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(f.content, adaptertest.Vector(t, Name, "recon/700000000000001_20170119.zip")) || f.Name != "700000000000001_20170119.zip" {
		t.Errorf("%s of %d bytes", f.Name, len(f.content))
	}
	if _, err := zip.NewReader(bytes.NewReader(f.content), int64(len(f.content))); err != nil {
		t.Error(err)
	}
	sent := g.last()
	if sent.path != "/" {
		t.Errorf("path %s", sent.path)
	}
	wantFields(t, sent.fields, map[string]string{
		"txnType": "76", "txnSubType": "01", "bizType": "000000", "settleDate": "1120", "fileType": "00", "txnTime": "20261122003005",
	})
	var misc struct {
		FileContent []struct{ Encoded, DecodedText string }
	}
	if err := json.Unmarshal(adaptertest.Vector(t, Name, "vectors/misc_vectors.json"), &misc); err != nil || len(misc.FileContent) == 0 {
		t.Fatalf("%d cases, %v", len(misc.FileContent), err)
	}
	for _, tt := range misc.FileContent {
		var out strings.Builder
		if _, err := unpack(&out, tt.Encoded, 100); err != nil || out.String() != tt.DecodedText {
			t.Errorf("%q, %v", out.String(), err)
		}
	}
}

func TestFileRefused(t *testing.T) {
	good := []string{"respCode", "00", "settleDate", "1120", "fileName", "x.zip", "fileContent", pack(t, []byte("x"))}
	if f, _, err := download(t, good...); err != nil || string(f.content) != "x" {
		t.Fatalf("%+v, %v", f, err)
	}
	_, _, err := download(t, append(good, "respCode", "98", "fileContent", "-")...)
	if !errors.Is(err, ErrNoFile) || channels.OutcomeOf(err) != channels.NotProcessed {
		t.Errorf("no file: %v", err)
	}
	for name, tt := range map[string]struct {
		pairs []string
		want  channels.Outcome
	}{
		"signature":       {[]string{"respCode", "11"}, channels.Misconfigured},
		"general error":   {[]string{"respCode", "99"}, channels.Unknown},
		"another day":     {[]string{"settleDate", "1119"}, channels.Unknown},
		"another shop":    {[]string{"merId", "777290058110097"}, channels.Unknown},
		"another type":    {[]string{"txnType", "00"}, channels.Unknown},
		"no content":      {[]string{"fileContent", "-"}, channels.Unknown},
		"not base64":      {[]string{"fileContent", "!!"}, channels.Unknown},
		"not zlib":        {[]string{"fileContent", "AAAA"}, channels.Unknown},
		"damaged content": {[]string{"fileContent", pack(t, []byte("some content"))[:16]}, channels.Unknown},
	} {
		_, _, err := download(t, append(append([]string{}, good...), tt.pairs...)...)
		if err == nil || channels.OutcomeOf(err) != tt.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := newClient(t, testConfig("https://gateway.example.com"))
	for _, at := range []time.Time{testNow.AddDate(-1, 0, 0), testNow.AddDate(0, 0, 16)} {
		_, err = c.DownloadFile(t.Context(), channels.DayAt(at), io.Discard)
		adaptertest.WantOutcome(t, err, channels.NotProcessed)
	}
}

// TestFileBomb: a small text that unpacks to more than the limit.
func TestFileBomb(t *testing.T) {
	bomb := pack(t, make([]byte, 1<<20))
	if _, err := unpack(io.Discard, bomb, 1<<20-1); err == nil {
		t.Error("larger than the limit, and taken")
	}
	if size, err := unpack(io.Discard, bomb, 1<<20); err != nil || size != 1<<20 {
		t.Errorf("%d bytes, %v", size, err)
	}
}

// full is a disk without room.
type full struct{}

var errFull = errors.New("no room left")

func (full) Write([]byte) (int, error) { return 0, errFull }

// TestFileNotWritten: the place to write to failed, not the file.
func TestFileNotWritten(t *testing.T) {
	if _, err := unpack(full{}, pack(t, []byte("some content")), 100); !errors.Is(err, errFull) {
		t.Errorf("error %v", err)
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(pack(f, []byte("some content")))
	f.Add("eJwrSS0uiU9JLEkEABL5A7o=")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		var out bytes.Buffer
		if size, err := unpack(&out, text, 1<<16); err == nil && (size > 1<<16 || size != int64(out.Len())) {
			t.Errorf("%d bytes, said to be %d", out.Len(), size)
		}
	})
}

// TestFileTooLarge: who is told must know what to change.
func TestFileTooLarge(t *testing.T) {
	g := answering(t, "respCode", "00", "settleDate", "1120", "fileContent", pack(t, []byte("x")))
	cfg := testConfig("https://gateway.example.com")
	cfg.FileURL, cfg.BillMaxBytes = g.URL, 1000
	_, err := newClient(t, cfg).DownloadFile(t.Context(), fileDay(), io.Discard)
	adaptertest.WantOutcome(t, err, channels.Unknown)
	if !strings.Contains(err.Error(), "bill_max_bytes") {
		t.Errorf("error %v", err)
	}
}

func TestFileURL(t *testing.T) {
	for base, want := range map[string]string{
		"https://gateway.95516.com":       "https://filedownload.95516.com",
		"https://gateway.95516.com/":      "https://filedownload.95516.com",
		"https://gateway.test.95516.com":  "https://filedownload.test.95516.com",
		"https://gateway.95516.com.cn":    "https://gateway.95516.com.cn",
		"http://127.0.0.1:7003":           "http://127.0.0.1:7003",
		"https://gateway.my-sandbox.test": "https://gateway.my-sandbox.test",
	} {
		if got := (Config{BaseURL: base}).fileURL(); got != want {
			t.Errorf("%s: files at %s, want %s", base, got, want)
		}
	}
	if got := (Config{BaseURL: "https://gateway.95516.com", FileURL: "https://files.example.com"}).fileURL(); got != "https://files.example.com" {
		t.Errorf("files at %s", got)
	}
}
