package console

// discrepancyTexts are the pages of differences.
var discrepancyTexts = map[string]text{
	"discrepancies.title":     {"差异", "Discrepancies"},
	"discrepancies.none":      {"没有符合条件的差异。", "No discrepancy fits the filter."},
	"discrepancies.proposals": {"%s 笔差异待复核", "%s to be approved"},

	"discrepancy.title":       {"差异详情", "Discrepancy"},
	"discrepancy.compare":     {"双方记录对照", "Both records"},
	"discrepancy.off":         {"差额（渠道减我方）", "Difference (channel less ours)"},
	"discrepancy.record":      {"记录", "Record"},
	"discrepancy.comments":    {"备注", "Comments"},
	"discrepancy.no_comments": {"还没有备注。", "No comments yet."},
	"discrepancy.comment":     {"新备注", "New comment"},
	"discrepancy.work":        {"处理", "Work on it"},
	"discrepancy.waits":       {"等待第二人复核", "Waits for a second person"},
	"discrepancy.other_must":  {"该处理说明由您提出，须由其他同事复核。", "You proposed this; a colleague must approve it."},
	"discrepancy.reject_why":  {"驳回原因", "Why it is rejected"},
	"discrepancy.withdraw":    {"撤回原因", "Why it is withdrawn"},
	"discrepancy.reason":      {"处理说明", "Explanation"},
	"discrepancy.reason_hint": {"请写明原因与依据，说明会保留在审计记录中。金额较大的差异须由第二人复核。", "Say why, and what shows it; it stays in the audit trail. Larger amounts need a second person's approval."},
	"discrepancy.resolved":    {"已处理", "Resolved"},
	"discrepancy.approved_by": {"复核人 %s", "approved by %s"},
	"discrepancy.repaired":    {"已由系统自动处理，根据见“依据”一项。", "Settled by the gateway itself; see the evidence."},
	"discrepancy.proposed":    {"待复核", "To be approved"},
	"discrepancy.history":     {"操作记录", "History"},
	"discrepancy.no_history":  {"还没有人处理过。", "Nobody has worked on it yet."},

	"discrepancy_status.open":     {"待处理", "Open"},
	"discrepancy_status.repaired": {"已自动修复", "Repaired"},
	"discrepancy_status.resolved": {"已处理", "Resolved"},

	"kind.missing_at_channel": {"短款（渠道缺单）", "Missing at the channel"},
	"kind.missing_locally":    {"长款（我方缺单）", "Missing in our books"},
	"kind.amount_mismatch":    {"金额不符", "Amounts differ"},
	"kind.status_mismatch":    {"状态不符", "States differ"},
	"kind.fee_mismatch":       {"手续费不符", "Fees differ"},
	"kind.duplicate_payment":  {"重复支付", "Paid twice"},
	"kind.late_success":       {"逾期到账", "Paid late"},

	"explain.missing_at_channel": {"我方记录已成功，但渠道账单中没有这一笔。请向渠道核实，或确认是否会出现在次日账单。", "Our books show it as done, the channel's bill does not have it. Ask the channel, or see whether the next day's bill has it."},
	"explain.missing_locally":    {"渠道账单中有这一笔，但我方没有对应记录。请核实该笔交易的来源。", "The channel's bill has it, our books do not. Find out where it comes from."},
	"explain.amount_mismatch":    {"双方都有记录，但金额不一致。", "Both sides have it, with different amounts."},
	"explain.status_mismatch":    {"双方都有记录，但状态不一致。", "Both sides have it, in different states."},
	"explain.fee_mismatch":       {"手续费与约定费率计算的结果不一致。请核对渠道费率。", "The fee is not what the contracted rate gives. Check the rate with the channel."},
	"explain.duplicate_payment":  {"同一订单收到了不止一次付款，多收的款项会自动全额退回。", "The order was paid more than once; what came twice is refunded in full by itself."},
	"explain.late_success":       {"款项在订单结束之后才到账，已按商户的设置退款或入账。", "The money came after the order had ended; it was refunded or accepted as the merchant has chosen."},
}
