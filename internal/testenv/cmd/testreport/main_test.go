package main

import (
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in, want string
		failed   bool
	}{
		"passed": {
			in: `{"Action":"output","Package":"p","Output":"-test.shuffle 1\n"}
{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:1: chatter\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Output":"PASS\n"}
{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
{"Action":"pass","Package":"p"}
`,
			want: "ok  \tp\t0.1s\n",
		},
		"failed": {
			in: `{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:1: wrong\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"--- FAIL: TestA (0.00s)\n"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
{"Action":"fail","Package":"p"}
`,
			want: "    a_test.go:1: wrong\n--- FAIL: TestA (0.00s)\nFAIL\tp\t0.1s\nFAIL\n", failed: true,
		},
		"skipped": {
			in: `{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:1: no browser\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"--- SKIP: TestA (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
`,
			want: "skip\tp TestA: a_test.go:1: no browser\nok  \tp\t0.1s\n",
		},
		"not built": {
			in: `{"Action":"build-output","ImportPath":"p","Output":"p.go:1: syntax error\n"}
{"Action":"build-fail","ImportPath":"p"}
`,
			want: "p.go:1: syntax error\nFAIL\n", failed: true,
		},
		"broken off": {
			in:   `{"Action":"output","Package":"p","Test":"TestA","Output":"panic: boom\n"}` + "\n",
			want: "panic: boom\np: TestA did not end\nFAIL\n", failed: true,
		},
		"not json": {in: "go: downloading x\n", want: "go: downloading x\n"},
	} {
		var out strings.Builder
		failed, err := report(strings.NewReader(c.in), &out)
		if err != nil || failed != c.failed || out.String() != c.want {
			t.Errorf("%s: failed %v, %v, printed\n%s\nwant %v\n%s", name, failed, err, out.String(), c.failed, c.want)
		}
	}
}
