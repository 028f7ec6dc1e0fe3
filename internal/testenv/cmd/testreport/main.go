package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// event is a line of `go test -json`, see `go doc test2json`.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
}

func main() {
	failed, err := report(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
	}
	if failed || err != nil {
		os.Exit(1)
	}
}

// test names one test of one package.
type test struct{ pkg, name string }

// report copies what go test would print without -v, and the skips. Tests'
// output is held back until it is known how they ended.
func report(in io.Reader, out io.Writer) (failed bool, err error) {
	w := bufio.NewWriter(out)
	defer func() { err = errors.Join(err, w.Flush()) }()
	held := map[test][]string{}
	lines := bufio.NewReader(in)
	for {
		line, readErr := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil {
				_, _ = w.Write(line) // of go itself, before the tests
			} else {
				failed = handle(w, held, e) || failed
			}
		}
		switch {
		case errors.Is(readErr, io.EOF):
			for t, output := range held { // tests that never ended
				failed = true
				printAll(w, output)
				_, _ = fmt.Fprintf(w, "%s: %s did not end\n", t.pkg, t.name)
			}
			if failed {
				_, _ = fmt.Fprintln(w, "FAIL")
			}
			return failed, nil
		case readErr != nil:
			return failed, fmt.Errorf("read go test's output: %w", readErr)
		}
	}
}

// handle deals with one event and reports whether it is a failure.
func handle(w *bufio.Writer, held map[test][]string, e event) bool {
	t := test{e.Package, e.Test}
	switch {
	case e.Action == "output" && strings.HasPrefix(e.Output, "-test.shuffle "):
		held[t] = append(held[t], e.Output) // of use only when the package fails
	case e.Action == "build-output", e.Action == "output" && e.Test == "":
		if e.Output != "PASS\n" { // go test prints "ok" alone
			_, _ = w.WriteString(e.Output)
		}
	case e.Action == "output":
		held[t] = append(held[t], e.Output)
	case e.Action == "build-fail":
		return true
	case e.Action == "fail":
		printAll(w, held[t])
		delete(held, t)
		_ = w.Flush()
		return true
	case e.Action == "skip" && e.Test != "":
		_, _ = fmt.Fprintf(w, "skip\t%s %s:%s\n", e.Package, e.Test, reason(held[t]))
		delete(held, t)
	case e.Action == "pass", e.Action == "skip":
		delete(held, t)
		_ = w.Flush()
	}
	return false
}

// reason is what a skipped test said, without go test's own frame lines.
func reason(output []string) string {
	var b strings.Builder
	for _, line := range output {
		if trimmed := strings.TrimSpace(line); trimmed != "" && !strings.HasPrefix(trimmed, "===") && !strings.HasPrefix(trimmed, "---") {
			b.WriteString(" " + trimmed)
		}
	}
	return b.String()
}

func printAll(w *bufio.Writer, output []string) {
	for _, line := range output {
		if !strings.HasPrefix(line, "=== RUN") && !strings.HasPrefix(line, "=== PAUSE") && !strings.HasPrefix(line, "=== CONT") && !strings.HasPrefix(line, "=== NAME") {
			_, _ = w.WriteString(line)
		}
	}
}
