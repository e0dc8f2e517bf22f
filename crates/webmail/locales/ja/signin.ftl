# ログイン

user-name = ユーザ名
password = パスワード
log-in = ログイン
login-first = 続けるには、ログインしてください。
login-refused = ユーザ名またはパスワードが違います。
login-throttled = 間違いが続いたため、しばらくログインできません。{ $until } 以降に、もう一度お試しください。
