package wechatpaysim

import (
	"net/url"
	"slices"
	"time"

	"github.com/paymux/paymux/internal/sandbox/parts"
)

// The fields of the requests' bodies, as the channel's documentation lists them.

func must(f field) field {
	f.required = true
	return f
}

func upTo(n int) field { return field{longest: n} }

func oneOf(values ...string) field {
	return field{holds: func(s string) bool { return slices.Contains(values, s) }}
}

func group(f fields) field { return field{kind: record, fields: f} }

func array(f fields) field { return field{kind: list, fields: f} }

func directIdentity() fields { return fields{"appid": must(upTo(32)), "mchid": must(upTo(32))} }

func partnerIdentity() fields {
	return fields{
		"sp_appid": must(upTo(32)), "sp_mchid": must(upTo(32)), "sub_appid": upTo(32),
		"sub_mchid": must(field{holds: validSubMerchant}),
	}
}

// orderFields are those of every order.
func orderFields() fields {
	return fields{
		"description": must(upTo(127)), "out_trade_no": must(field{holds: validOrderNumber}),
		"attach": upTo(128), "goods_tag": upTo(32), "support_fapiao": {kind: boolean},
		"amount":      must(group(fields{"total": must(field{kind: integer}), "currency": oneOf(parts.Currency)})),
		"settle_info": group(fields{"profit_sharing": {kind: boolean}}),
		"detail": group(fields{
			"cost_price": {kind: integer}, "invoice_id": upTo(32),
			"goods_detail": array(fields{
				"merchant_goods_id": must(upTo(32)), "wechatpay_goods_id": upTo(32), "wxpay_goods_id": upTo(32), "goods_name": upTo(256),
				"quantity": must(field{kind: integer}), "unit_price": must(field{kind: integer}),
			}),
		}),
	}
}

func shop() field {
	return group(fields{"id": must(upTo(32)), "name": upTo(256), "area_code": upTo(32), "address": upTo(512)})
}

// prepayFields are those of orders that the payer pays later.
func prepayFields() fields {
	return fields{
		"notify_url": must(field{longest: 255, holds: validNotifyURL}), "time_expire": {holds: validTime},
		"scene_info": group(fields{"payer_client_ip": must(upTo(45)), "device_id": upTo(32), "store_info": shop()}),
	}
}

func jsapiPayer() fields {
	return fields{"payer": must(group(fields{"openid": must(upTo(128))}))}
}

func jsapiPartnerPayer() fields {
	return fields{"payer": must(group(fields{"sp_openid": upTo(128), "sub_openid": upTo(128)}))}
}

func h5Scene() fields {
	return fields{"scene_info": must(group(fields{
		"payer_client_ip": must(upTo(45)), "device_id": upTo(32), "store_info": shop(),
		"h5_info": must(group(fields{
			"type": must(upTo(32)), "app_name": upTo(64), "app_url": upTo(128), "bundle_id": upTo(128), "package_name": upTo(128),
		})),
	}))}
}

// codeFields are those of an order by the payer's code: no notify_url and no time_expire.
func codeFields() fields {
	return fields{
		"payer": must(group(fields{"auth_code": must(upTo(32))})),
		"scene_info": must(group(fields{
			"device_id": upTo(32), "device_ip": upTo(45), "store_info": must(group(fields{"id": upTo(32), "out_id": upTo(32)})),
		})),
	}
}

func refundFields() fields {
	return fields{
		"sub_mchid": {holds: validSubMerchant}, "transaction_id": upTo(32), "out_trade_no": upTo(32),
		"out_refund_no": must(field{holds: validRefundNumber}), "reason": upTo(80),
		"notify_url": {longest: 256, holds: validNotifyURL}, "funds_account": oneOf("AVAILABLE", "UNSETTLED"),
		"amount": must(group(fields{
			"refund": must(field{kind: integer}), "total": must(field{kind: integer}), "currency": must(oneOf(parts.Currency)),
			"from": array(fields{"account": must(oneOf("AVAILABLE", "UNAVAILABLE")), "amount": must(field{kind: integer})}),
		})),
		"goods_detail": array(fields{
			"merchant_goods_id": must(upTo(32)), "wechatpay_goods_id": upTo(32), "goods_name": upTo(256),
			"unit_price": must(field{kind: integer}), "refund_amount": must(field{kind: integer}), "refund_quantity": must(field{kind: integer}),
		}),
	}
}

func abnormalRefundFields() fields {
	return fields{
		"sub_mchid": {holds: validSubMerchant}, "out_refund_no": must(field{holds: validRefundNumber}),
		"type": must(oneOf("USER_BANK_CARD", "MERCHANT_BANK_CARD")), "bank_type": upTo(32), "bank_account": upTo(1024), "real_name": upTo(1024),
	}
}

// validNotifyURL takes addresses without a query; http ones too, as merchants under test have no certificates.
func validNotifyURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.RawQuery == "" && !u.ForceQuery && u.Fragment == ""
}

func validTime(s string) bool {
	_, err := time.Parse(time.RFC3339, s)
	return err == nil
}
