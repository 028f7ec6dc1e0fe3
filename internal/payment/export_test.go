package payment

// The tables, for the tests and the document that shows them.
var (
	PaymentTransitions = paymentTransitions
	AttemptTransitions = attemptTransitions
	RefundTransitions  = refundTransitions
	PaymentEvents      = paymentEvents
	RefundEvents       = refundEvents
)

// HashOfCreate and HashOfRefund are what repeats are compared by.
func HashOfCreate(m Merchant, req CreateRequest) string { return req.withDefaults(m).hash() }

// HashOfRefund is the same for refunds.
func HashOfRefund(req RefundRequest, paymentID string) string { return req.hash(paymentID) }

// WalletOf tells the channel of a payer's code.
var WalletOf = walletOf
