package demo

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// screen shows the steps as they happen and keeps what became of them.
type screen struct {
	out      io.Writer
	colour   bool
	failed   bool
	sections []*section
}

type section struct {
	screen      *screen
	what, scene string
	good, bad   int
	broken      bool
	took        time.Duration
}

func (s *screen) section(what, scene string) *section {
	sec := &section{screen: s, what: what, scene: scene}
	s.sections = append(s.sections, sec)
	_, _ = fmt.Fprintf(s.out, "\n%s\n", s.paint("1", what+" · "+scene))
	return sec
}

// step runs one step and shows its end. After a failed step the rest of its
// section would only fail for the same reason, so it is left out.
func (s *section) step(ctx context.Context, name string, do func(context.Context) (string, error)) {
	if s.broken {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	start := time.Now()
	detail, err := do(ctx)
	took := time.Since(start)
	s.took += took
	mark := s.screen.paint("32", "✓")
	if err != nil {
		mark, detail = s.screen.paint("31", "✗"), s.screen.paint("31", err.Error())
		s.bad++
		s.broken, s.screen.failed = true, true
	} else {
		s.good++
	}
	_, _ = fmt.Fprintf(s.screen.out, "  %s %-38s %s %s\n", mark, name, detail, s.screen.paint("2", took.Round(time.Millisecond).String()))
}

// table shows what became of every section.
func (s *screen) table() {
	line := strings.Repeat("─", 46)
	_, _ = fmt.Fprintf(s.out, "\n%s\n%-12s %-10s %8s %12s\n%s\n", line, "channel", "scene", "steps", "time", line)
	for _, sec := range s.sections {
		result := s.paint("32", "ok")
		if sec.bad > 0 {
			result = s.paint("31", "FAILED")
		}
		_, _ = fmt.Fprintf(s.out, "%-12s %-10s %8d %12s  %s\n", sec.what, sec.scene, sec.good+sec.bad, sec.took.Round(time.Millisecond), result)
	}
	_, _ = fmt.Fprintln(s.out, line)
}

func (s *screen) paint(code, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
