package failpoint

// Step is a step between whose sides a process may die.
type Step string

// The steps; [Steps] says what each stands for.
const (
	PaymentInsert       Step = "payment.insert"
	PaymentRevive       Step = "payment.revive"
	ChannelPay          Step = "channel.pay"
	PaymentAnswer       Step = "payment.answer"
	PaymentFailover     Step = "payment.failover"
	AttemptStamp        Step = "attempt.stamp"
	CallbackApply       Step = "callback.apply"
	CallbackRecord      Step = "callback.record"
	CallbackAcknowledge Step = "callback.acknowledge"
	ChangeEvent         Step = "change.event"
	ChangePayment       Step = "change.payment"
	StoreCommit         Step = "store.commit"
	OutboxClaim         Step = "outbox.claim"
	OutboxSend          Step = "outbox.send"
	OutboxRecord        Step = "outbox.record"
	LeaseClaim          Step = "lease.claim"
	ChannelQuery        Step = "channel.query"
	AttemptResolve      Step = "attempt.resolve"
	CloseMark           Step = "close.mark"
	ChannelClose        Step = "channel.close"
	CloseSettle         Step = "close.settle"
	ReverseStamp        Step = "reverse.stamp"
	ChannelReverse      Step = "channel.reverse"
	ReverseBook         Step = "reverse.book"
	RefundReserve       Step = "refund.reserve"
	ChannelRefund       Step = "channel.refund"
	RefundAnswer        Step = "refund.answer"
	RefundStamp         Step = "refund.stamp"
	ChannelRefundQuery  Step = "channel.refund_query"
	RefundResolve       Step = "refund.resolve"
	RefundGateway       Step = "refund.gateway"
	BillFetch           Step = "bill.fetch"
	BillKeep            Step = "bill.keep"
	BillMatch           Step = "bill.match"
	BillRepair          Step = "bill.repair"
	ReconcileSave       Step = "reconcile.save"
	ReconcileFinish     Step = "reconcile.finish"
	StatementSave       Step = "statement.save"
	MigrationStep       Step = "migration.step"
)

// Entry is a row of the table of steps.
type Entry struct {
	Step Step
	// Does says what the step does; Within, where it is set, that it is done
	// inside a transaction, so that dying on either side must undo it.
	Does   string
	Within bool
}

// Steps lists every step, in the order of a payment's life.
func Steps() []Entry {
	return []Entry{
		{PaymentInsert, "commit a new order, its attempt stamped as dispatched, and the request's nonce", false},
		{PaymentRevive, "commit a new attempt of an order of which nothing was sent", false},
		{ChannelPay, "place the order at the channel", false},
		{PaymentAnswer, "commit what the channel answered, or that it didn't", false},
		{PaymentFailover, "write the next attempt of an order that an account could not take", true},
		{AttemptStamp, "commit that the same order is placed again", false},
		{CallbackApply, "commit a callback and what follows from it", false},
		{CallbackRecord, "write a callback's row", true},
		{CallbackAcknowledge, "acknowledge a callback to the channel", false},
		{ChangeEvent, "write an event beside the change that it tells of", true},
		{ChangePayment, "write the payment's row after all else of a change", true},
		{StoreCommit, "commit a transaction, on SQLite those of several callers", false},
		{OutboxClaim, "commit the lease of due events", false},
		{OutboxSend, "send a webhook", false},
		{OutboxRecord, "commit how a webhook went", false},
		{LeaseClaim, "commit the lease of attempts or refunds that are due", false},
		{ChannelQuery, "ask the channel about an order", false},
		{AttemptResolve, "commit what a look at an attempt found", false},
		{CloseMark, "commit that the merchant wants an order closed", false},
		{ChannelClose, "close an order at the channel", false},
		{CloseSettle, "write that an attempt is closed", true},
		{ReverseStamp, "commit that a barcode payment is being taken back", false},
		{ChannelReverse, "take a barcode payment back at the channel", false},
		{ReverseBook, "write the money that a reversal returned", true},
		{RefundReserve, "commit a refund with its reservation, stamped as sent", false},
		{ChannelRefund, "send a refund to the channel", false},
		{RefundAnswer, "commit what the channel answered to a refund", false},
		{RefundStamp, "commit that a refund that waited is sent", false},
		{ChannelRefundQuery, "ask the channel about a refund", false},
		{RefundResolve, "commit what asking about a refund found", false},
		{RefundGateway, "write the return of money that came late or twice", true},
		{BillFetch, "fetch a bill from the channel", false},
		{BillKeep, "commit a bill's original to the archive", false},
		{BillMatch, "hold a bill against our books", false},
		{BillRepair, "commit what only the bill could settle", false},
		{ReconcileSave, "commit what a day's books differ in", false},
		{ReconcileFinish, "commit the result of a day", false},
		{StatementSave, "commit a statement and its event", false},
		{MigrationStep, "apply one migration of the schema", false},
	}
}
