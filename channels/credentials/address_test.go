package credentials

import "testing"

func TestCheckAddress(t *testing.T) {
	for address, good := range map[string]bool{
		"https://gateway.95516.com": true, "http://127.0.0.1:80": true, "http://localhost:1/unionpay": true, "http://[::1]:1": true,
		"http://10.0.0.1": false, "https://u:p@gateway.95516.com": false, "https://gateway.95516.com?a=b": false,
		"https://gateway.95516.com#x": false, "gateway.95516.com": false, "": false, "https://": false, "https://a?": false,
	} {
		if err := CheckAddress(address); (err == nil) != good {
			t.Errorf("%q: %v", address, err)
		}
	}
}
