package statement

import (
	"fmt"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/internal/reconcile"
	"github.com/paymux/paymux/internal/wording"
)

// The languages of headings and words.
const (
	Chinese = wording.Chinese
	English = wording.English
)

// Input is what a statement is written from. Rows and Discrepancies give the
// same items in the same order each time they are called; each must be told one
// by one, and its error ends the writing. Either may be nil: there are none.
type Input struct {
	MerchantID, MerchantName string
	Day                      channels.Day
	Version                  int
	Rows                     func(each func(reconcile.StatementRow) error) error
	// Accounts stand in the workbook's summary, in this order.
	Accounts      []reconcile.AccountSummary
	Discrepancies func(each func(reconcile.Discrepancy) error) error
	// Language is Chinese or English; empty: Chinese.
	Language string
}

func (in Input) eachRow(each func(reconcile.StatementRow) error) error {
	if in.Rows == nil {
		return nil
	}
	return in.Rows(each)
}

func (in Input) eachDiscrepancy(each func(reconcile.Discrepancy) error) error {
	if in.Discrepancies == nil {
		return nil
	}
	return in.Discrepancies(each)
}

func (in Input) words() (*words, error) {
	switch in.Language {
	case "", Chinese:
		return chinese(), nil
	case English:
		return english(), nil
	default:
		return nil, fmt.Errorf("no statement can be written in language %q; it is %s or %s", in.Language, Chinese, English)
	}
}
