package credentials

import (
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	none, two := 0, 2
	if got := Duration(nil, time.Second, time.Minute); got != time.Minute {
		t.Errorf("absent: %s", got)
	}
	if got := Duration(&none, time.Second, time.Minute); got != 0 {
		t.Errorf("0: %s", got)
	}
	if got := Duration(&two, 24*time.Hour, time.Minute); got != 48*time.Hour {
		t.Errorf("2 days: %s", got)
	}
}
