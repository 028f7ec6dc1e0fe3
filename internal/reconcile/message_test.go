package reconcile

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/internal/wording"
)

func hasHan(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Han, r) })
}

// Every code is told in both languages, which use the same arguments.
func TestSentences_BothLanguages(t *testing.T) {
	t.Parallel()
	for code, s := range sentences {
		if s.En == "" || hasHan(s.En) || !hasHan(s.Zh) {
			t.Errorf("%s: %q, %q", code, s.En, s.Zh)
		}
		en, zh := s.Args(wording.English), s.Args(wording.Chinese)
		slices.Sort(en)
		slices.Sort(zh)
		if !slices.Equal(en, zh) || len(slices.Compact(slices.Clone(en))) != len(en) {
			t.Errorf("%s has the arguments %q in English and %q in Chinese", code, en, zh)
		}
	}
}

// sourceFiles parses a package's files without tests.
func sourceFiles(t *testing.T, pattern string) []*ast.File {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatal(pattern, err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// Every message that is made has all arguments of its code, and every code has a
// sentence that is used: read from the source, as no run makes them all.
func TestSentences_EveryMessageHasItsArguments(t *testing.T) {
	t.Parallel()
	codes, used := map[string]string{}, map[string]bool{}
	files := sourceFiles(t, "*.go")
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok || len(v.Values) != 1 || !strings.HasPrefix(v.Names[0].Name, "code") {
				return true
			}
			if text, ok := v.Values[0].(*ast.BasicLit); ok {
				code, err := strconv.Unquote(text.Value)
				if err != nil {
					t.Error(err)
				}
				codes[v.Names[0].Name] = code
			}
			return true
		})
	}
	if len(codes) != len(sentences) {
		t.Errorf("%d codes, %d sentences", len(codes), len(sentences))
	}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if name, ok := call.Fun.(*ast.Ident); !ok || name.Name != "message" {
				return true
			}
			name, ok := call.Args[0].(*ast.Ident)
			if !ok || call.Ellipsis.IsValid() {
				t.Errorf("a message of no constant: %+v", call.Args)
				return true
			}
			s, known := sentences[codes[name.Name]]
			if want := len(s.Args(wording.English)); !known || len(call.Args)-1 != want {
				t.Errorf("%s is told with %d arguments, its sentence has %d (%v)", name.Name, len(call.Args)-1, want, known)
			}
			used[codes[name.Name]] = true
			return true
		})
	}
	for _, code := range slices.Sorted(maps.Values(codes)) {
		if !used[code] && !slices.Contains(coreCodes, code) {
			t.Errorf("nothing tells %s", code)
		}
	}
}

// What the core writes is still worded as its sentences are.
func TestSentences_OfTheCore(t *testing.T) {
	t.Parallel()
	var written strings.Builder
	for _, f := range sourceFiles(t, filepath.Join("..", "payment", "*.go")) {
		ast.Inspect(f, func(n ast.Node) bool {
			if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING {
				written.WriteString(text.Value + "\n")
			}
			return true
		})
	}
	for _, code := range coreCodes {
		text := sentences[code].En
		for _, name := range sentences[code].Args(wording.English) {
			text = strings.ReplaceAll(text, "{"+name+"}", "\x00")
		}
		for part := range strings.SplitSeq(text, "\x00") {
			if !strings.Contains(written.String(), part) {
				t.Errorf("the core does not write %q any more", part)
			}
		}
	}
	for text, want := range map[string]string{
		"money arrived after the payment was closed":         "支付单已关闭之后款项才到账",
		"money arrived after the payment was failed":         "支付单失败之后款项才到账",
		"attempt 01M7Y of this payment was paid before":      "该支付单的另一次支付尝试 01M7Y 此前已付款",
		"an operator's evidence: the channel's console says": "人工提供的依据：the channel's console says",
		"what a newer core may write":                        "what a newer core may write",
	} {
		if m := coreMessage(text); m.In(wording.Chinese) != want || m.String() != text {
			t.Errorf("%q is told as %q and %q", text, m.In(wording.Chinese), m)
		}
	}
}

// Arguments are told as people of the language have them.
func TestMessage_Told(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		m      Message
		en, zh string
	}{
		{nil, "", ""},
		{Plain(""), "", ""},
		{Plain("as it is; 原样"), "as it is; 原样", "as it is; 原样"},
		{
			message(codeDiffers, string(RowRefund), string(payment.RefundProcessing)).and(message(codeNotSettled, "2026-11-20T20:30:00Z")),
			"the bill has this refund, our books have it as processing; the channel, asked at 2026-11-20T20:30:00Z, does not settle it",
			"账单中有该笔退款，我方记录为“退款中”；2026-11-21 04:30:00 向渠道查询，结果仍不确定",
		},
		{
			message(codeFees, percent(6_000), signed(60, money.CNY), signed(-5, money.CNY)),
			"by the contracted rate of 0.6% the fee is 0.60 CNY, the bill has -0.05 CNY",
			"按签约费率 0.6% 计算手续费为 0.60 CNY，账单手续费为 -0.05 CNY",
		},
		{
			message(codeMissing, string(RowPayment), "2026-11-20").and(message(codeMissingBefore, "2026-11-19")),
			"our books have this payment, the bill of 2026-11-20 does not; nor does that of 2026-11-19, on which it was made",
			"我方有该笔付款，2026-11-20 的账单中没有；发生当日（2026-11-19）的账单中也没有",
		},
		{Message{{Code: "from_a_newer_version", Args: map[string]string{"b": "2", "a": "1"}}}, "from_a_newer_version map[a:1 b:2]", "from_a_newer_version map[a:1 b:2]"},
	} {
		if c.m.String() != c.en || c.m.In(wording.Chinese) != c.zh {
			t.Errorf("told as\n%s\n%s, want\n%s\n%s", c.m, c.m.In(wording.Chinese), c.en, c.zh)
		}
		if got := ParseMessage(c.m.Stored(1000)); !reflect.DeepEqual(got, c.m) {
			t.Errorf("%+v came back as %+v", c.m, got)
		}
	}
}

// However long its arguments are, a stored message is whole: it fits, and has
// its code and all arguments.
func TestMessage_StoredIsNeverCutApart(t *testing.T) {
	t.Parallel()
	hostile := []string{strings.Repeat("x", 5000), strings.Repeat("对账", 3000), strings.Repeat("\"\\\x00\n\u2028\xff", 900), "", "…", "short"}
	for code, s := range sentences {
		for i := range hostile {
			args := make([]string, len(s.Args(wording.English)))
			for j := range args {
				args[j] = hostile[(i+j)%len(hostile)]
			}
			m := message(code, args...).and(Plain(hostile[i]))
			text := m.Stored(1000)
			got := ParseMessage(text)
			if len(text) > 1000 || !utf8.ValidString(text) || len(got) != len(m) || got[0].Code != code || len(got[0].Args) != len(args) {
				t.Errorf("%s: %d bytes came back as %+v", code, len(text), got)
			}
			if again := got.Stored(1000); again != text {
				t.Errorf("%s: stored anew it is %q, it was %q", code, again, text)
			}
		}
	}
	if text := Message(slices.Repeat(message(codeNotReady), 1000)).Stored(1000); len(text) > 1000 || ParseMessage(text)[0].Code != codeNotReady {
		t.Errorf("too many clauses: %s", text)
	}
}

// What was written before there were messages, and what is none, stays a text.
func TestParseMessage_Texts(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"not found any more: the books agree in version 2", "[", "[]", "[1]", "[{}]", `[{"code":7}]`, `[{"args":{"a":"b"}}]`, `[{"code":"missing"}] and more`, "{}", "null",
	} {
		if got := ParseMessage(text); !reflect.DeepEqual(got, Plain(text)) || got.In(wording.Chinese) != text {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}

// How a difference is told is no part of the result: its digest hangs on the
// numbers alone.
func TestSeal_KnowsNoWords(t *testing.T) {
	t.Parallel()
	seal := func(detail, evidence Message) string {
		r := newResult(10)
		r.find(finding{kind: AmountMismatch, subject: "A", ours: &Entry{AttemptID: "A"}, detail: detail, evidence: evidence})
		return r.seal()
	}
	const before = "6fe7e1b21660279fa3f77ff039abaf64996b2b1750ad45c345fafc57c878c763" // of the release before there were messages
	for _, m := range []Message{nil, Plain("our books have 1.00 CNY, the bill has 2.00 CNY"), message(codeAmounts, "1.00 CNY", "2.00 CNY")} {
		if got := seal(m, m); got != before {
			t.Errorf("with %s the digest is %s", m, got)
		}
	}
}

// The sentences that need a word know one for every state of the core.
func TestWords_EveryState(t *testing.T) {
	t.Parallel()
	for _, state := range []payment.AttemptStatus{
		payment.AttemptDispatched, payment.AttemptUnknown, payment.AttemptPending, payment.AttemptSucceeded, payment.AttemptDeclined,
		payment.AttemptNotProcessed, payment.AttemptClosed, payment.AttemptReversed,
	} {
		if told := message(codeDiffers, string(RowPayment), string(state)).In(wording.Chinese); strings.Contains(told, string(state)) {
			t.Errorf("%s is told as %s", state, told)
		}
	}
	for _, state := range []payment.RefundStatus{payment.RefundPending, payment.RefundProcessing, payment.RefundSucceeded, payment.RefundFailed} {
		if told := message(codeInDoubt, string(RowRefund), string(state)).In(wording.Chinese); strings.Contains(told, string(state)) {
			t.Errorf("%s is told as %s", state, told)
		}
	}
}

// Whatever stands in a column is read, and fits again when it is stored.
func FuzzParseMessage(f *testing.F) {
	for _, text := range []string{"plain", "", "[]", `[{"code":"missing","args":{"day":"x"}}]`, `[{"text":"\xff"}]`, "[{" + strings.Repeat(`"`, 200)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		stored := ParseMessage(text).Stored(120)
		if len(stored) > 120 || !utf8.ValidString(stored) {
			t.Errorf("%q is stored as %q", text, stored)
		}
		if again := ParseMessage(stored).Stored(120); again != stored {
			t.Errorf("%q is stored anew as %q", stored, again)
		}
	})
}
