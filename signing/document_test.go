package signing_test

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paymux/paymux/signing"
)

const documentFile = "../docs/signing.md"

// documentedExample is one program of the document: how its block begins,
// where it is put, and what runs it.
type documentedExample struct {
	language string
	file     string
	tools    []string // all of them are needed
	probe    []string // a command that tells whether a library is there
	run      []string
}

func documentedExamples() []documentedExample {
	return []documentedExample{
		{language: "sh", file: "sign.sh", tools: []string{"sh", "curl", "openssl", "awk"}, run: []string{"sh", "sign.sh"}},
		{language: "go", file: "sign.go", tools: []string{"go"}, run: []string{"go", "run", "sign.go"}},
		{language: "python", file: "sign.py", tools: []string{"python3"}, probe: []string{"python3", "-c", "import cryptography"}, run: []string{"python3", "sign.py"}},
		{language: "js", file: "sign.js", tools: []string{"node"}, run: []string{"node", "sign.js"}},
		{language: "php", file: "sign.php", tools: []string{"php"}, probe: []string{"php", "-r", "exit(function_exists('curl_init') && function_exists('openssl_sign') ? 0 : 1);"}, run: []string{"php", "sign.php"}},
		{language: "java", file: "Sign.java", tools: []string{"java", "javac"}, run: []string{"java", "Sign.java"}},
	}
}

// The programs that the document shows are run as they stand there: against a
// server that keeps the signing rules they must succeed, and against one whose
// answers are spoilt they must fail.
func TestDocument_ExamplesRun(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: the documented examples start compilers and interpreters; run without -short")
	}
	for _, example := range documentedExamples() {
		t.Run(example.language, func(t *testing.T) {
			for _, tool := range example.tools {
				if _, err := exec.LookPath(tool); err != nil {
					t.Skipf("SKIPPED: %s is not installed, the %s example of %s is NOT verified", tool, example.language, documentFile)
				}
			}
			if len(example.probe) > 0 && runCommand(t, t.TempDir(), nil, example.probe).err != nil {
				t.Skipf("SKIPPED: a library is missing (%s), the %s example of %s is NOT verified", strings.Join(example.probe, " "), example.language, documentFile)
			}
			runExample(t, example)
		})
	}
}

func runExample(t *testing.T, example documentedExample) {
	t.Helper()
	p, server := newPlatform(t, time.Now)
	serial := p.answerWith(t, signing.RSA2)
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, example.file), documentBlock(t, example.language), 0o600); err != nil {
		t.Fatal(err)
	}
	environment := []string{
		"PAYMUX_URL=" + server.URL,
		"MERCHANT_ID=mer_1",
		"MERCHANT_SERIAL=" + serial,
		"MERCHANT_KEY=" + absolute(t, "merchant-private.pem"),
		"PLATFORM_KEY=" + absolute(t, "platform-rsa2-public.pem"),
	}
	good := runCommand(t, folder, environment, example.run)
	if good.err != nil || !strings.HasPrefix(good.stdout, "201 {") || !strings.Contains(good.stdout, "茶") {
		t.Fatalf("the example fails: %v\nstdout %s\nstderr %s", good.err, good.stdout, good.stderr)
	}
	for name, spoil := range map[string]func(h http.Header, body []byte) (int, []byte){
		"body":   func(_ http.Header, b []byte) (int, []byte) { return 201, append(b, ' ') },
		"status": func(_ http.Header, b []byte) (int, []byte) { return 200, b },
		"nonce": func(h http.Header, b []byte) (int, []byte) {
			h.Set(signing.HeaderNonce, goodNonce)
			return 201, b
		},
		"no signature": func(h http.Header, b []byte) (int, []byte) {
			h.Del(signing.HeaderSignature)
			return 201, b
		},
	} {
		p.spoilWith(spoil)
		if got := runCommand(t, folder, environment, example.run); got.err == nil {
			t.Errorf("the example takes an answer with a spoilt %s: %s", name, got.stdout)
		}
	}
}

// documentBlock is the document's only code block of a language.
func documentBlock(t *testing.T, language string) []byte {
	t.Helper()
	document, err := os.ReadFile(documentFile)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(document), "\n```"+language+"\n")
	if len(parts) != 2 {
		t.Fatalf("%d blocks of %s in %s, one is wanted", len(parts)-1, language, documentFile)
	}
	block, _, ok := strings.Cut(parts[1], "\n```\n")
	if !ok {
		t.Fatalf("the block of %s has no end", language)
	}
	return []byte(block + "\n")
}

type commandResult struct {
	stdout, stderr string
	err            error
}

func runCommand(t *testing.T, folder string, environment, command []string) commandResult {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // fixed commands of this test
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), environment...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	return commandResult{stdout: stdout.String(), stderr: stderr.String(), err: err}
}

func absolute(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(exampleFolder, name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}
