package payment_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/paymux/paymux/internal/payment"
	"github.com/paymux/paymux/store"
)

// checkTime bounds the checking of one history; a history takes milliseconds.
const checkTime = 20 * time.Second

// histories is how many seeds each database gets.
var histories = map[string]int{store.SQLite: 24, store.MySQL: 10}

// Six clients on two processes create, pay, notify, close, refund and read a
// few orders at the same time, while answers of the channels and of the
// database get lost. To each of them an order must look like one thing.
func TestInvariant_HistoriesOfOrdersAreLinearizable(t *testing.T) {
	for driver, n := range histories {
		for seed := range n {
			t.Run(fmt.Sprintf("%s/seed %d", driver, seed), func(t *testing.T) {
				p := newPair(t, driver, func(s payment.Store) payment.Store {
					return losing{Store: s, dice: newDice(uint64(seed) + 1000)}
				})
				history := record(t, p, uint64(seed))
				if len(history) < historyClients*historyActions/2 {
					t.Errorf("only %d operations were recorded", len(history))
				}
				if result := porcupine.CheckOperationsTimeout(specification(), history, checkTime); result != porcupine.Ok {
					t.Errorf("the history is %s:%s", result, badOrders(history))
				}
				p.wantNoWrongs()
			})
		}
	}
}

// badOrders writes down the orders whose histories are not linearizable.
func badOrders(history []porcupine.Operation) string {
	model := specification()
	var b strings.Builder
	for _, part := range model.Partition(history) {
		if porcupine.CheckOperationsTimeout(model, part, checkTime) == porcupine.Ok {
			continue
		}
		slices.SortFunc(part, func(x, y porcupine.Operation) int { return int(x.Call - y.Call) })
		for _, op := range part {
			fmt.Fprintf(&b, "\n  [%d, %d] client %d: %s", op.Call, op.Return, op.ClientId, model.DescribeOperation(op.Input, op.Output))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// generous grants every reservation.
type generous struct{ payment.Store }

func (s generous) InTx(ctx context.Context, fn func(payment.Tx) error) error {
	return s.Store.InTx(ctx, func(tx payment.Tx) error { return fn(generousTx{tx}) })
}

type generousTx struct{ payment.Tx }

func (tx generousTx) Reserve(ctx context.Context, id string, minor int64) (bool, error) {
	if _, err := tx.Tx.Reserve(ctx, id, minor); err != nil {
		return false, err
	}
	return true, nil
}

// Release goes along with it: what was never reserved cannot be released.
func (tx generousTx) Release(context.Context, string, int64) error { return nil }

// remembering gives a payment as it was when this process read it first.
type remembering struct {
	payment.Store
	mu   *sync.Mutex
	seen map[string]payment.Payment
}

func (s remembering) ListPayments(ctx context.Context, f payment.PaymentFilter) ([]*payment.Payment, error) {
	list, err := s.Store.ListPayments(ctx, f)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, p := range list {
		old, ok := s.seen[p.ID]
		if !ok {
			s.seen[p.ID], old = *p, *p
		}
		list[i] = &old
	}
	return list, err
}

// The proof above can fail: a store that breaks a promise is found out.
func TestInvariant_ABrokenStoreIsNotLinearizable(t *testing.T) {
	for what, broken := range map[string]func(s payment.Store) payment.Store{
		"reservations are always granted": func(s payment.Store) payment.Store { return generous{s} },
		"reads come from a cache": func(s payment.Store) payment.Store {
			return remembering{Store: s, mu: new(sync.Mutex), seen: map[string]payment.Payment{}}
		},
	} {
		t.Run(what, func(t *testing.T) {
			for seed := range 20 {
				p := newPair(t, store.SQLite, broken)
				history := record(t, p, uint64(seed))
				if porcupine.CheckOperationsTimeout(specification(), history, checkTime) == porcupine.Illegal {
					return
				}
			}
			t.Error("no history showed it")
		})
	}
}

// The specification refuses what must never be seen, and takes what may be.
func TestSpecificationTellsRightFromWrong(t *testing.T) {
	create := action{kind: "create", order: "o", channel: "alipay"}
	other := create
	other.variant = 1
	get, pay, told, closing := action{kind: "get", order: "o"}, action{kind: "pay", order: "o"}, action{kind: "notify", order: "o"}, action{kind: "close", order: "o"}
	refund := func(number int, amount int64) action {
		return action{kind: "refund", order: "o", number: number, amount: amount}
	}
	made := answer{kind: "ok", id: "p1", status: live}
	again := made
	again.replayed = true
	shows := func(status string, paid, refunded int64) answer {
		return answer{kind: "ok", id: "p1", status: status, paid: paid, refunded: refunded}
	}
	ok := answer{kind: "ok"}
	type step struct {
		in  action
		out answer
		// with tells that it overlaps the step before.
		with bool
	}
	isPaid := []step{{create, made, false}, {pay, ok, false}, {told, ok, false}}
	for _, c := range []struct {
		what  string
		steps []step
		right bool
	}{
		{"the closed loop", append(isPaid[:3:3], step{get, shows(paid, 100, 0), false}, step{refund(0, 60), answer{kind: "ok", id: "r0"}, false}, step{get, shows(paid, 100, 60), false}), true},
		{"a query finds the money", []step{{create, made, false}, {pay, ok, false}, {get, shows(live, 0, 0), false}, {get, shows(paid, 100, 0), false}}, true},
		{"one order twice", []step{{create, made, false}, {create, answer{kind: "ok", id: "p2", status: live}, false}}, false},
		{"two at once make two", []step{{create, made, false}, {create, answer{kind: "ok", id: "p2", status: live}, true}}, false},
		{"two at once make one", []step{{create, again, false}, {create, made, true}}, true},
		{"other parameters are taken", []step{{create, made, false}, {other, again, false}}, false},
		{"other parameters are refused", []step{{create, made, false}, {other, answer{kind: "conflict"}, false}}, true},
		{"the same is refused", []step{{create, made, false}, {create, answer{kind: "conflict"}, false}}, false},
		{"charged twice", append(isPaid[:3:3], step{pay, ok, false}), false},
		{"paid without money", []step{{create, made, false}, {get, shows(paid, 100, 0), false}}, false},
		{"paid goes back to waiting", append(isPaid[:3:3], step{get, shows(live, 0, 0), false}), false},
		{"a callback is forgotten", append(isPaid[:2:2], step{told, ok, false}, step{get, shows(live, 0, 0), false}), false},
		{"closed by itself", []step{{create, made, false}, {get, shows(closed, 0, 0), false}}, false},
		{"closed after being asked to", []step{{create, made, false}, {closing, answer{kind: "open"}, false}, {get, shows(closed, 0, 0), false}}, true},
		{"closed and open again", []step{{create, made, false}, {closing, ok, false}, {get, shows(live, 0, 0), false}}, false},
		{"refunds beyond the sum", append(isPaid[:3:3], step{refund(0, 60), answer{kind: "ok", id: "r0"}, false}, step{refund(1, 60), answer{kind: "ok", id: "r1"}, true}), false},
		{"refunds beyond the sum are refused", append(isPaid[:3:3], step{refund(0, 60), answer{kind: "ok", id: "r0"}, false}, step{refund(1, 60), answer{kind: "exceeds"}, true}), true},
		{"a refund is refused for nothing", append(isPaid[:3:3], step{refund(1, 60), answer{kind: "exceeds"}, false}), false},
		{"one refund twice", append(isPaid[:3:3], step{refund(0, 30), answer{kind: "ok", id: "r0"}, false}, step{refund(0, 30), answer{kind: "ok", id: "r1"}, true}), false},
		{"a copy is refused for its twin", append(isPaid[:3:3], step{refund(0, 60), answer{kind: "ok", id: "r0"}, false}, step{refund(0, 60), answer{kind: "exceeds"}, true}), false},
		{"an unpaid order is refunded", []step{{create, made, false}, {refund(0, 60), answer{kind: "ok", id: "r0"}, false}}, false},
		{"refunded shrinks", append(isPaid[:3:3], step{refund(0, 60), answer{kind: "ok", id: "r0"}, false}, step{get, shows(paid, 100, 60), false}, step{get, shows(paid, 100, 0), false}), false},
		{"an unheard create", []step{{create, answer{kind: "unknown"}, false}, {get, answer{kind: "absent"}, false}, {get, shows(live, 0, 0), false}}, true},
		{"an order is gone again", []step{{create, made, false}, {get, answer{kind: "absent"}, false}}, false},
	} {
		var history []porcupine.Operation
		for i, s := range c.steps {
			op := porcupine.Operation{ClientId: i, Input: s.in, Output: s.out, Call: int64(10 * i), Return: int64(10*i + 5)}
			if s.with {
				op.Call -= 8
			}
			if s.out.kind == "unknown" {
				op.Return = 1 << 60
			}
			history = append(history, op)
		}
		if got := porcupine.CheckOperations(specification(), history); got != c.right {
			t.Errorf("%s: linearizable is %v, want %v", c.what, got, c.right)
		}
	}
}
