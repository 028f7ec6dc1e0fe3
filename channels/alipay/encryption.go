package alipay

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
)

// errDecrypt says nothing of where it failed: an oracle on padding would.
var errDecrypt = errors.New("encrypted content cannot be decrypted")

// decrypt undoes Alipay's content encryption: base64 of AES-CBC with a zero
// initialisation vector and PKCS#7 padding. It is called on verified content
// only, which is what keeps the padding from being an oracle.
func decrypt(text string, key []byte) ([]byte, error) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(data) == 0 || len(data)%aes.BlockSize != 0 {
		return nil, errDecrypt
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, errDecrypt
	}
	cipher.NewCBCDecrypter(block, make([]byte, aes.BlockSize)).CryptBlocks(data, data)
	pad := int(data[len(data)-1])
	if pad == 0 || pad > aes.BlockSize {
		return nil, errDecrypt
	}
	for _, b := range data[len(data)-pad:] {
		if int(b) != pad {
			return nil, errDecrypt
		}
	}
	return data[:len(data)-pad], nil
}
