//go:build failpoints

package failpoint

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Enabled tells whether this build looks at failpoints.
const Enabled = true

// Before is passed just before a step is taken.
func Before(s Step) { armed.pass(string(s) + ":before") }

// After is passed just after a step was taken.
func After(s Step) { armed.pass(string(s) + ":after") }

// armed is this process's failpoint. It is the one global of this package, in
// builds for tests only: a step has nobody who could hand it something.
var armed = &point{file: os.Getenv("FAILPOINTS_FILE"), die: suicide, wait: time.Sleep}

// point follows a file with a spec.
type point struct {
	file string
	die  func()
	wait func(time.Duration)

	mu     sync.Mutex
	spec   string // the one that was read last
	passed int    // how often its side was passed
}

func (p *point) pass(side string) {
	if p.file == "" {
		return
	}
	text, err := os.ReadFile(p.file)
	if err != nil {
		return // not armed
	}
	s, err := parse(string(text))
	if err != nil {
		panic(err) // a mistake of the test's: it must not pass unseen
	}
	if s.side != side || !p.turn(string(text), s.nth) {
		return
	}
	if os.Rename(p.file, p.file+".hit") != nil {
		return // another process was faster
	}
	if s.action == "delay" {
		p.wait(s.delay)
		return
	}
	p.die()
}

// turn counts a pass and tells whether it is the one that the spec means.
func (p *point) turn(text string, nth int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.spec != text {
		p.spec, p.passed = text, 0
	}
	p.passed++
	return p.passed == nth
}

// suicide ends the process as a power cut would, and never returns.
func suicide() {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {}
}

type spec struct {
	side   string // step:before or step:after
	action string // kill or delay
	nth    int
	delay  time.Duration
}

// parse reads SIDE=ACTION@N[,DELAY][#REMARK].
func parse(text string) (spec, error) {
	wrong := func(why string) (spec, error) { return spec{}, fmt.Errorf("failpoint %q: %s", text, why) }
	rest, _, _ := strings.Cut(strings.TrimSpace(text), "#")
	side, rest, ok := strings.Cut(rest, "=")
	if !ok || !known(side) {
		return wrong("it must begin with a known step and :before= or :after=")
	}
	action, rest, _ := strings.Cut(rest, "@")
	nth, delay, delayed := strings.Cut(rest, ",")
	s := spec{side: side, action: action}
	var err error
	if s.nth, err = strconv.Atoi(strings.TrimSpace(nth)); err != nil || s.nth < 1 {
		return wrong("after @ stands the number of the pass, from 1")
	}
	switch {
	case action == "delay" && delayed:
		if s.delay, err = time.ParseDuration(strings.TrimSpace(delay)); err != nil {
			return wrong(err.Error())
		}
	case action != "kill" || delayed:
		return wrong("the action is kill@N, or delay@N,DURATION")
	}
	return s, nil
}

func known(side string) bool {
	for _, e := range Steps() {
		if side == string(e.Step)+":before" || side == string(e.Step)+":after" {
			return true
		}
	}
	return false
}
