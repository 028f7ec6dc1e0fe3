package signing

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
)

// RequestText is the text that a merchant signs:
//
//	METHOD\nTARGET\nTIMESTAMP\nNONCE\nBODY\n
//
// Target is the request target as sent (path with query), timestamp is Unix
// seconds, body the raw bytes, empty where there are none.
func RequestText(method, target, timestamp, nonce string, body []byte) []byte {
	text := make([]byte, 0, len(method)+len(target)+len(timestamp)+len(nonce)+len(body)+5)
	for _, line := range [...]string{method, target, timestamp, nonce} {
		text = append(text, line...)
		text = append(text, '\n')
	}
	text = append(text, body...)
	return append(text, '\n')
}

// AnswerText is the text that the platform signs:
//
//	TIMESTAMP\nNONCE\nSTATUS\nBODY\n
//
// Nonce is the request's own and may be empty for answers without
// authentication; for files body is [FileBody] of the content.
func AnswerText(timestamp, nonce string, status int, body []byte) []byte {
	const statusDigits = 20 // the longest decimal int64
	text := make([]byte, 0, len(timestamp)+len(nonce)+statusDigits+len(body)+4)
	text = append(text, timestamp...)
	text = append(text, '\n')
	text = append(text, nonce...)
	text = append(text, '\n')
	text = strconv.AppendInt(text, int64(status), 10)
	text = append(text, '\n')
	text = append(text, body...)
	return append(text, '\n')
}

// FileBody is what stands for a file's content in [AnswerText] and in the
// header [HeaderContentSHA256]: the lower-case hex SHA-256 of the content.
func FileBody(content []byte) []byte {
	sum := sha256.Sum256(content)
	return hex.AppendEncode(make([]byte, 0, hex.EncodedLen(len(sum))), sum[:])
}
