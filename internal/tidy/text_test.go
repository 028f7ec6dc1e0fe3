package tidy_test

import (
	"bytes"
	"path"
	"regexp"
	"testing"
)

// foreign is text that is right on one machine only.
var foreign = map[string]*regexp.Regexp{
	"a path of somebody's machine":                    regexp.MustCompile(`(^|[\s"'(=:\x60])/(work|root|Users)/[\w.]`),
	"a package registry; it is configured, not named": regexp.MustCompile(`(proxy|sum)\.golang\.org|goproxy\.(io|cn)|registry\.(npm|yarn)|npmmirror\.com|deb\.debian\.org|pythonhosted`),
}

func TestText_HoldsNothingOfOneMachine(t *testing.T) {
	t.Parallel()
	walk(t, func(name string) {
		if path.Base(name) == "go.sum" || name == "internal/tidy/text_test.go" { // which would find itself
			return
		}
		text := read(t, name)
		if bytes.IndexByte(text, 0) >= 0 {
			return
		}
		for i, line := range bytes.Split(text, []byte("\n")) {
			for what, pattern := range foreign {
				if pattern.Match(line) {
					t.Errorf("%s:%d holds %s: %.120s", name, i+1, what, line)
				}
			}
		}
	})
}
