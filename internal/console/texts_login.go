package console

// loginTexts are the pages of logging in and of one's own account.
var loginTexts = map[string]text{
	"login.title":  {"登录", "Log in"},
	"login.hint":   {"请使用管理员分配的账号登录。", "Use the account that your administrator has given you."},
	"login.button": {"登录", "Log in"},

	"code.title": {"两步验证", "Second step"},
	"code.hint":  {"请打开手机上的验证器应用，输入当前显示的六位验证码。", "Open the authenticator app on your phone and enter the six digits that it shows now."},
	"code.lost":  {"手机遗失？请联系管理员重置两步验证。", "Phone lost? Ask an administrator to reset your second step."},

	"error.title":   {"无法完成", "This did not work"},
	"error.request": {"如需协助，请提供请求编号：", "If you ask for help, name this request:"},
	"error.home":    {"返回首页", "Back to the start"},

	"account.title":        {"我的账号", "My account"},
	"account.password":     {"修改密码", "Change the password"},
	"account.totp":         {"两步验证", "Second step"},
	"account.totp_what":    {"启用后，登录时除密码外还需输入手机验证器应用显示的六位验证码，即使密码泄露也无法登录。", "With it, a login also needs the six digits that an authenticator app on your phone shows: a stolen password alone is not enough."},
	"account.totp_begin":   {"开始设置", "Set up"},
	"account.totp_scan":    {"用验证器应用扫描二维码，然后输入应用显示的验证码以确认。", "Scan the picture with an authenticator app, then confirm with the code that it shows."},
	"account.totp_picture": {"两步验证密钥二维码", "QR code with the secret of the second step"},
	"account.totp_type":    {"无法扫描？请在应用中手动输入密钥：", "Cannot scan? Type this secret into the app:"},
	"account.totp_confirm": {"确认启用", "Confirm"},
	"account.totp_remove":  {"停用两步验证", "Remove the second step"},
}
