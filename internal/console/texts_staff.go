package console

// staffTexts are the pages of administrators.
var staffTexts = map[string]text{
	"audit.title": {"审计记录", "Audit trail"},
	"audit.none":  {"没有符合条件的记录。", "No entry fits the filter."},

	"users.title":         {"用户", "Users"},
	"users.list":          {"全部用户", "All users"},
	"users.you":           {"您", "you"},
	"users.all_merchants": {"全部商户（平台）", "All merchants (operator)"},
	"users.totp_on":       {"已启用", "On"},
	"users.totp_off":      {"未启用", "Off"},
	"users.active":        {"正常", "Active"},
	"users.disabled":      {"已停用", "Disabled"},
	"users.change":        {"修改", "Change"},
	"users.disable":       {"停用", "Disable"},
	"users.enable":        {"恢复", "Enable"},
	"users.totp_reset":    {"重置两步验证", "Reset the second step"},
	"users.add":           {"添加用户", "Add a user"},
	"users.add_hint":      {"用户名为 2 到 32 位小写字母、数字、点、横线或下划线；密码至少 12 位。请让用户首次登录后自行修改密码。", "Names are 2 to 32 lower-case letters, digits, dots, dashes or underscores; passwords have at least 12 characters. Ask the user to change it after the first login."},
	"users.roles":         {"角色权限", "What roles may do"},

	"role_may.finance":    {"查看对账、处理差异、下载对账文件、查询订单。", "See days, work on discrepancies, fetch statements, look orders up."},
	"role_may.operations": {"财务的全部权限；另可重新对账、向渠道查询、重发商户通知、查看原始报文。", "All of finance; also run days again, ask channels, send webhooks again, open raw messages."},
	"role_may.admin":      {"运营的全部权限；另可管理用户、查看审计记录。", "All of operations; also keep users and read the audit trail."},
}
