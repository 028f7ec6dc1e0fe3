package statement

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestColumnsAreDocumented holds the API document and the description for
// people against the columns.
func TestColumnsAreDocumented(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..", "..")
	described, err := os.ReadFile(filepath.Join(root, "docs", "statements.md"))
	if err != nil {
		t.Fatal(err)
	}
	api, err := os.ReadFile(filepath.Join(root, "internal", "httpapi", "openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var english, chinese []string
	for i, c := range detailColumns() {
		if row := fmt.Sprintf("| %d | %s | %s | ", i+1, c.zh, c.en); !strings.Contains(string(described), row) {
			t.Errorf("docs/statements.md lacks the row %q", row)
		}
		english, chinese = append(english, c.zh+" ("+c.en+")"), append(chinese, c.zh)
	}
	text := strings.Join(strings.Fields(string(api)), " ")
	for _, list := range []string{"Columns: " + strings.Join(english, ", ") + ".", "列：" + strings.Join(chinese, "、") + "。"} {
		if !strings.Contains(text, list) {
			t.Errorf("openapi.yaml does not list %q", list)
		}
	}
}
