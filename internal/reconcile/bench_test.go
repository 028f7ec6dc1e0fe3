package reconcile_test

import (
	"archive/zip"
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/paymux/paymux/channels"
	"github.com/paymux/paymux/channels/adaptertest"
	"github.com/paymux/paymux/channels/alipay"
	"github.com/paymux/paymux/channels/transport"
	"github.com/paymux/paymux/internal/reconcile"
	"github.com/paymux/paymux/store"
	"github.com/paymux/paymux/store/storetest"
)

// benchRows says how many rows each side has; PAYMUX_TEST_RECONCILE_ROWS says
// otherwise (5000000 takes some minutes).
const benchRows = 1_000_000

// largeBill is Alipay's reader with a bill of the test's own.
type largeBill struct {
	channels.BillSource
	file *os.File
	size int64
	// look is called while rows are read.
	look func()
}

func (b *largeBill) BillCalendar() channels.BillCalendar {
	c := b.BillSource.BillCalendar()
	c.Kinds = c.Kinds[:1]
	return c
}

func (b *largeBill) FetchBill(_ context.Context, _ channels.BillKind, _ channels.Day, w io.Writer) (channels.BillFile, error) {
	_, err := io.Copy(w, io.NewSectionReader(b.file, 0, b.size))
	return channels.BillFile{Name: "bill.zip", ContentType: "application/zip"}, err
}

func (b *largeBill) ReadBill(kind channels.BillKind, d channels.Day, original io.ReaderAt, size int64, each func(channels.BillRow) error) (channels.BillTotals, error) {
	return b.BillSource.ReadBill(kind, d, original, size, func(r channels.BillRow) error {
		b.look()
		return each(r)
	})
}

// alipayOf makes Alipay's adapter for an account of a sandbox, and gives its
// seller.
func alipayOf(t testing.TB) (source channels.BillSource, seller string) {
	t.Helper()
	sandbox := adaptertest.StartSandbox(t, alipay.Name)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, sandbox.URL+"/_control/credentials", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var all map[string]json.RawMessage
	if err := json.NewDecoder(res.Body).Decode(&all); err != nil {
		t.Fatal(err)
	}
	cfg, err := alipay.FromSandbox(all[alipay.Name], alipay.PublicKeyMode)
	if err != nil {
		t.Fatal(err)
	}
	var about struct {
		SellerID string `json:"seller_id"`
	}
	if err := json.Unmarshal(all[alipay.Name], &about); err != nil {
		t.Fatal(err)
	}
	limits := transport.Limits{Dial: time.Second, TLS: time.Second, Header: time.Second, Total: time.Second, IdleConns: 1, Conns: 1, Answer: 1 << 20}
	c, err := alipay.New(cfg, alipay.Deps{HTTP: transport.New(limits, nil), Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	source, ok := any(c).(channels.BillSource)
	if !ok {
		t.Fatal("Alipay's adapter reads no bills")
	}
	return source, about.SellerID
}

const (
	benchHeadings = "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）," +
		"集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
	benchHead = "#支付宝%s\n#账号：[%s0156]\n#起始日期：[2026年11月20日 00:00:00]   终止日期：[2026年11月21日 00:00:00]\n" +
		"#-----------------------------------------%s列表----------------------------------------\n"
)

func benchNumber(i int) string { return fmt.Sprintf("01JD3Y7F8GH2K4M6P%09d", i) }

func benchTrade(i int) string { return fmt.Sprintf("20261120220014000000%08d", i) }

// writeBill writes a day's archive of so many payments, in an order of its own.
func writeBill(t testing.TB, seller string, rows int) (*os.File, int64) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "bill.zip"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	w := zip.NewWriter(f)
	part := func(name string, write func(io.Writer)) {
		encoded, err := simplifiedchinese.GB18030.NewEncoder().String(name)
		if err != nil {
			t.Fatal(err)
		}
		into, err := w.CreateHeader(&zip.FileHeader{Name: encoded, NonUTF8: true, Method: zip.Deflate})
		if err != nil {
			t.Fatal(err)
		}
		out := bufio.NewWriterSize(simplifiedchinese.GB18030.NewEncoder().Writer(into), 1<<20)
		write(out)
		if err := out.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	part(seller+"0156_20261120_业务明细.csv", func(out io.Writer) {
		_, _ = fmt.Fprintf(out, benchHead+"%s\n", "业务明细查询", seller, "业务明细", benchHeadings)
		for i := range rows {
			i = i * 7919 % rows // prime to any number of rows used here
			_, _ = fmt.Fprintf(out, "%s\t,%s\t,交易\t,一杯咖啡,2026-11-20 10:00:00,2026-11-20 12:00:00,\t,\t,\t,\t,*明(138***@qq.com)\t,"+
				"10.00,10.00,0.00,0.00,0.00,0.00,0.00,,0.00\t,0.00,\t,-0.06,0.00,早餐\n", benchTrade(i), benchNumber(i))
		}
		_, _ = fmt.Fprintf(out, "#-----------------------------------------业务明细列表结束------------------------------------\n"+
			"#交易合计：%d笔，商家实收共%d.00元，商家优惠共0.00元\n#退款合计：0笔，商家实收退款共0.00元，商家优惠退款共0.00元\n#导出时间：[2026年11月21日 05:46:49]\n", rows, rows*10)
	})
	part(seller+"0156_20261120_业务明细(汇总).csv", func(out io.Writer) {
		_, _ = fmt.Fprintf(out, benchHead, "业务汇总查询", seller, "业务汇总")
		_, _ = fmt.Fprint(out, "门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,支付宝优惠（元）,商家优惠（元）,卡消费金额（元）,服务费（元）,分润（元）,实收净额（元）\n")
		fees := rows * 6
		for _, store := range []string{"\t,\t", "合计\t,\t"} {
			_, _ = fmt.Fprintf(out, "%s,%d,0,%d.00,%d.00,0.00,0.00,0.00,-%d.%02d,0.00,%d.%02d\n",
				store, rows, rows*10, rows*10, fees/100, fees%100, (rows*1000-fees)/100, (rows*1000-fees)%100)
		}
		_, _ = fmt.Fprint(out, "#----------------------------------------业务汇总列表结束-------------------------------------\n#导出时间：[2026年11月21日 05:46:49]\n")
	})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return f, info.Size()
}

// fill writes as many paid attempts, past the store, in one statement.
func fill(t testing.TB, path string, rows int) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(t.Context(), `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)
		INSERT INTO attempts (id, payment_id, merchant_id, channel, account_id, scene, amount_minor, currency, status, counted, channel_trade_no,
			decision, owner, checks, created_at, paid_at)
		SELECT printf('01JD3Y7F8GH2K4M6P%09d', i), 'pay_' || i, ?, 'alipay', ?, 'qr', 1000, 'CNY', 'succeeded', 1, printf('20261120220014000000%08d', i),
			'{}', '', 0, ? + i / 100, ? + i / 100 FROM n`, rows, merchantID, accountID, noon.UnixMilli(), noon.UnixMilli())
	if err != nil {
		t.Fatal(err)
	}
}

// resident gives the process's memory, of everything, in MiB.
func resident() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kib, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	return kib / 1024
}

// BenchmarkReconcile matches a day of as many rows on both sides, from the file
// to the result; Read is the floor below it: unpacking and reading the file.
func BenchmarkReconcile(b *testing.B) {
	rows := benchRows
	if n, err := strconv.Atoi(os.Getenv("PAYMUX_TEST_RECONCILE_ROWS")); err == nil {
		rows = n
	}
	source, seller := alipayOf(b)
	d := day(b, "2026-11-20")
	path := filepath.Join(b.TempDir(), "paymux.db")
	db := storetest.Open(b, store.Config{Driver: store.SQLite, Path: path})
	if _, err := db.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	fill(b, path, rows)
	file, size := writeBill(b, seller, rows)
	var calls atomic.Int64
	var most, began float64
	look := func() {
		if calls.Add(1)%5000 == 0 {
			most = max(most, resident())
		}
	}
	bill := &largeBill{BillSource: source, file: file, size: size, look: look}
	report := func(b *testing.B) {
		b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		b.ReportMetric(most-began, "peak-MiB")
	}
	b.Run("Read", func(b *testing.B) {
		began, most = resident(), 0
		for b.Loop() {
			totals, err := bill.ReadBill(channels.BillTrades, d, file, size, func(channels.BillRow) error { return nil })
			if err != nil || totals.Payments != int64(rows) {
				b.Fatal(totals, err)
			}
		}
		report(b)
	})
	b.Run("Run", func(b *testing.B) {
		w := newWorld(b, db, &clock{at: noon.Add(24 * time.Hour)})
		w.cfg.MaxBillBytes = 1 << 40
		service := reconcile.New(w.cfg, reconcile.Deps{
			Store: db, Directory: sourced{w, bill}, Core: w.core, NewID: storetest.NewID, Now: w.clock.Now, Owner: "host/1",
			Logger: slog.New(slog.DiscardHandler), Sleep: func(ctx context.Context, _ time.Duration) error {
				<-ctx.Done()
				return context.Cause(ctx)
			},
		})
		began, most = resident(), 0
		for b.Loop() {
			r, err := service.Run(b.Context(), reconcile.Job{AccountID: accountID, Day: d, DeferStatement: true, Progress: func(reconcile.Progress) { most = max(most, resident()) }})
			if err != nil || r.Status != reconcile.StatusBalanced || r.Matched != int64(rows) {
				b.Fatalf("%+v %v", r, err)
			}
		}
		report(b)
	})
}

// sourced is a directory whose accounts have another source of bills.
type sourced struct {
	*world
	bill channels.BillSource
}

func (s sourced) Bills(context.Context, string) (channels.BillSource, bool, error) {
	return s.bill, true, nil
}
