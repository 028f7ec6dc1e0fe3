package sim

// TamperKind is how a row of a bill is falsified.
type TamperKind string

// The kinds of falsification.
const (
	LostRow     TamperKind = "lost_row"     // a row that should be there is not
	ForeignRow  TamperKind = "foreign_row"  // a row is there under a number that nobody paid
	WrongAmount TamperKind = "wrong_amount" // a row names another amount
	WrongFee    TamperKind = "wrong_fee"    // a row names another fee
)

// Tamper falsifies one row of a day's bill; the bill's totals and hashes stay consistent with its rows.
type Tamper struct {
	Kind       TamperKind `json:"kind"`
	OutTradeNo string     `json:"out_trade_no"`
	// Account is whose bill a foreign row is put into; the other kinds find theirs by the number.
	Account string `json:"account,omitempty"`
}

// TamperedFor answers how one account's bill of a day is falsified.
func (e *Env) TamperedFor(date, account string) ([]Tamper, error) {
	all, err := e.Tampered(date)
	if err != nil {
		return nil, err
	}
	var own []Tamper
	for _, t := range all {
		if t.Account == account {
			own = append(own, t)
		}
	}
	return own, nil
}
