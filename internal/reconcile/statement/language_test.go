package statement

import (
	"strings"
	"testing"

	"github.com/paymux/paymux/internal/reconcile"
)

// What reconciliation found is told in the file's language.
func TestFindingsAreInTheFilesLanguage(t *testing.T) {
	found := reconcile.Message{{Code: "missing", Args: map[string]string{"what": "refund", "day": "2025-11-21"}}, {Text: "工单 4711"}}
	evidence := reconcile.Message{{Code: "gone", Args: map[string]string{"version": "2"}}}
	in := Input{
		Day: parseDay(t, "2025-11-21"), Version: 1,
		Rows:          each([]reconcile.StatementRow{{Type: reconcile.RowRefund, At: noon, Result: string(reconcile.MissingAtChannel), Remark: found}}),
		Discrepancies: each([]reconcile.Discrepancy{{ID: "dis_1", Kind: reconcile.MissingAtChannel, Status: reconcile.Repaired, Detail: found, Evidence: evidence, FoundAt: noon}}),
	}
	for language, want := range map[string][]string{
		"":      {"我方有该笔退款，2025-11-21 的账单中没有；工单 4711", "差异已消除：第 2 版对账双方一致"},
		English: {"our books have this refund, the bill of 2025-11-21 does not; 工单 4711", "not found any more: the books agree in version 2"},
	} {
		in.Language = language
		if raw, _ := csvOf(t, in); !strings.Contains(string(raw), want[0]) {
			t.Errorf("%q: %s lacks %q", language, raw, want[0])
		}
		_, f := xlsxOf(t, in, excelRows)
		var cells []string
		for _, sheet := range f.GetSheetList() {
			rows, err := f.GetRows(sheet)
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range rows {
				cells = append(cells, row...)
			}
		}
		for _, text := range want {
			if !strings.Contains(strings.Join(cells, "\n"), text) {
				t.Errorf("%q: the workbook lacks %q", language, text)
			}
		}
	}
}
