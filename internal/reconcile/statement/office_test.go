package statement

import (
	"bytes"
	"context"
	"encoding/csv"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// office converts a file with LibreOffice.
func office(t *testing.T, dir, to, file string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	format, _, _ := strings.Cut(to, ":")
	cmd := exec.CommandContext(ctx, "soffice", "--headless", "--norestore", "-env:UserInstallation=file://"+t.TempDir(),
		"--convert-to", to, "--outdir", dir, file)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("LibreOffice: %v\n%s", err, out)
	}
	return strings.TrimSuffix(file, filepath.Ext(file)) + "." + format
}

// TestOfficeOpensTheWorkbook lets another program than the one that wrote it
// open a statement and say what it sees. The files are kept in the folder named
// by PAYMUX_TEST_PICTURES.
func TestOfficeOpensTheWorkbook(t *testing.T) {
	if os.Getenv("PAYMUX_TEST_OFFICE") != "1" {
		t.Skip("SKIPPED: statements are opened in LibreOffice only with PAYMUX_TEST_OFFICE=1, which make test-all sets")
	}
	dir := os.Getenv("PAYMUX_TEST_PICTURES")
	if dir == "" {
		dir = t.TempDir()
	}
	in := fixture(t)
	var book bytes.Buffer
	if _, err := WriteXLSX(&book, in); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "statement.xlsx")
	if err := os.WriteFile(file, book.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}

	// As CSV (comma, quote, UTF-8, cells as shown): the first sheet, which must say what ours says.
	text, err := os.ReadFile(office(t, dir, "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true", file))
	if err != nil {
		t.Fatal(err)
	}
	got, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	_, want := csvOf(t, in)
	if len(got) != len(want) {
		t.Fatalf("%d rows, want %d:\n%s", len(got), len(want), text)
	}
	for i, record := range want {
		for j, cell := range record {
			shown := got[i][j]
			if detailColumns()[j].form == formAmount && i > 0 {
				shown = strings.ReplaceAll(shown, ",", "")
			}
			if cell = strings.TrimSuffix(strings.TrimPrefix(cell, "'"), "\t"); shown != cell {
				t.Errorf("row %d column %d shows %q, want %q", i, j, shown, cell)
			}
		}
	}

	// As PDF: the three sheets, each on a page of its own.
	pdf, err := os.ReadFile(office(t, dir, "pdf", file))
	if err != nil || !bytes.HasPrefix(pdf, []byte("%PDF-")) {
		t.Fatalf("no PDF: %v", err)
	}
	if pages := bytes.Count(pdf, []byte("/Type/Page/")); pages != 3 {
		t.Errorf("%d pages, want one for each sheet", pages)
	}
}
