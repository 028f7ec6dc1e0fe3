package wechatpay

import (
	"encoding/base64"
	"errors"

	"github.com/wechatpay-apiv3/wechatpay-go/utils"
)

// errDecrypt does not say where it failed.
var errDecrypt = errors.New("encrypted content cannot be decrypted: is api_v3_key the merchant's?")

const (
	algorithmGCM = "AEAD_AES_256_GCM"
	keyBytes256  = 32
	nonceBytes   = 12
	tagBytes     = 16
	// maxCiphertext is far above any certificate or transaction.
	maxCiphertext = 256 << 10
)

// openResource decrypts what WeChat Pay encrypts under the merchant's APIv3
// key: {algorithm, nonce, associated_data, ciphertext}. All lengths are checked
// before the library sees them: it panics on a nonce that is not 12 bytes long
// and takes keys of 16 and 24 bytes.
func openResource(key string, o object) ([]byte, error) {
	nonce, ciphertext := o.text("nonce"), o.text("ciphertext")
	if len(key) != keyBytes256 || o.text("algorithm") != algorithmGCM || len(nonce) != nonceBytes ||
		len(ciphertext) < base64.StdEncoding.EncodedLen(tagBytes) || len(ciphertext) > maxCiphertext {
		return nil, errDecrypt
	}
	plain, err := utils.DecryptAES256GCM(key, o.text("associated_data"), nonce, ciphertext)
	if err != nil {
		return nil, errDecrypt
	}
	return []byte(plain), nil
}
