package channels

import "time"

// CertificateHolder is a channel that works with certificates whose end
// somebody should know of before it comes.
type CertificateHolder interface {
	Expiries() []CertificateExpiry
}

// CertificateExpiry is the end of one certificate.
type CertificateExpiry struct {
	// Field is the credential's field, for instance "alipay_cert".
	Field    string
	Serial   string
	NotAfter time.Time
	// Fetched: the channel handed it out, and its next one comes by itself.
	Fetched bool
}

// expiryWarning is how long before its end a certificate is warned of. WeChat
// Pay hands the next one out some days before.
const expiryWarning = 30 * 24 * time.Hour

// EndsSoon tells whether the certificate ends in less than 30 days from now, or
// has ended.
func (e CertificateExpiry) EndsSoon(now time.Time) bool {
	return now.Add(expiryWarning).After(e.NotAfter)
}
