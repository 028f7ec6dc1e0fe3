//go:build failpoints

package failpoint

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestPoint_ActsOnceAtItsPass(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "armed")
	died, waited := 0, time.Duration(0)
	p := &point{file: file, die: func() { died++ }, wait: func(d time.Duration) { waited += d }}
	p.pass("store.commit:after")
	arm := func(spec string) {
		if err := os.WriteFile(file, []byte(spec), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	arm("store.commit:after=kill@2#one\n")
	p.pass("store.commit:before")
	p.pass("store.commit:after")
	if died != 0 {
		t.Fatal("it died too early")
	}
	p.pass("store.commit:after")
	p.pass("store.commit:after")
	if died != 1 {
		t.Errorf("it died %d times, want once", died)
	}
	if _, err := os.Stat(file + ".hit"); err != nil {
		t.Error(err)
	}
	arm("store.commit:after=delay@1,3s#two")
	p.pass("store.commit:after")
	if waited != 3*time.Second || died != 1 {
		t.Errorf("waited %s, died %d times", waited, died)
	}
	// A spec of which another process took the file is not acted on.
	arm("store.commit:after=kill@1#three")
	other := &point{file: file, die: func() { died++ }}
	other.pass("store.commit:after")
	p.pass("store.commit:after")
	if died != 2 {
		t.Errorf("two processes died %d times, want once", died-1)
	}
}

func TestParse_RefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "store.commit=kill@1", "store.commit:between=kill@1", "nothing:before=kill@1", "store.commit:after=kill", "store.commit:after=kill@0",
		"store.commit:after=kill@1,3s", "store.commit:after=delay@1", "store.commit:after=delay@1,soon", "store.commit:after=stop@1",
	} {
		if s, err := parse(text); err == nil {
			t.Errorf("%q gave %+v", text, s)
		}
	}
	if s, err := parse("channel.pay:before=delay@2,300ms#case 17"); err != nil || s != (spec{"channel.pay:before", "delay", 2, 300 * time.Millisecond}) {
		t.Errorf("%+v, %v", s, err)
	}
}
