package unionpay

import (
	"strconv"
	"time"
)

// beijing is the zone of every time in UnionPay's messages. China has no other
// offset since 1991, so no zone database is needed.
var beijing = time.FixedZone("Asia/Shanghai", 8*60*60)

const timeLayout = "20060102150405"

func formatTime(t time.Time) string { return t.In(beijing).Format(timeLayout) }

// parseTraceTime reads traceTime (MMDDhhmmss), which has no year: the year is
// taken that puts it nearest after the transaction's own time. Zero where the
// text is no time.
func parseTraceTime(s string, txn time.Time) time.Time {
	txn = txn.In(beijing)
	for _, year := range []int{txn.Year() - 1, txn.Year(), txn.Year() + 1} {
		t, err := time.ParseInLocation(timeLayout, strconv.Itoa(year)+s, beijing)
		if err == nil && t.After(txn.AddDate(0, -6, 0)) {
			return t.UTC()
		}
	}
	return time.Time{}
}

// settlementCut is how long before midnight in Beijing a settlement day ends.
const settlementCut = time.Hour

// settlementDay is the day to whose settlement a moment belongs: production
// days go from 23:00 to 23:00.
func settlementDay(t time.Time) string {
	return t.In(beijing).Add(settlementCut).Format(time.DateOnly)
}
