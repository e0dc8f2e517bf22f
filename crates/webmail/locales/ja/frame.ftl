# どのページにも出る言葉

skip-to-content = 本文へ進む
main-navigation = 主なページ
inbox = 受信箱
preferences = オプション
log-out = ログアウト
home = HOME へ
ok = OK
cancel = キャンセル
change = 変更
register = 登録
next = 次へ
help = ヘルプ
help-contents = 目次
back = 戻る
renew = 延長する
grant-ends-soon = このアクセス元の認証は{ $at }まで有効です。それを過ぎると、もう一度確認するまでメールソフトは使えません。
password-wanted = 「心当たりがない」とのお申し出がありました。新しいパスワードを設定してください。
print = 印刷

time-left-hours = { $hours }時間{ $minutes }分
time-left-minutes = { $minutes }分
time-left-minutes-seconds = { $minutes }分{ $seconds }秒
time-left-seconds = { $seconds }秒

error-not-found = ページが見つかりません
error-not-found-what-to-do = アドレスをご確認ください。移動または削除された可能性があります。
error-bad-request = 送信された内容を読み取れません
error-bad-request-what-to-do = 前のページに戻り、もう一度お試しください。
error-too-old = ページの有効期限が切れています
error-too-old-what-to-do = 入力した内容は失われていません。ブラウザの「戻る」で前のページに戻り、再読み込みしてから、もう一度送信してください。
error-too-large = 一度に送れる大きさを超えています
error-too-large-what-to-do = 添付ファイルを減らすか小さくして、もう一度お試しください。
error-unavailable = ただいま利用できません
error-unavailable-what-to-do = 一時的な障害です。パスワードやコードの間違いではありません。しばらくしてから、もう一度お試しください。
error-broken = 処理の途中でエラーが発生しました
error-broken-what-to-do = システム側の不具合です。操作が途中まで行われている可能性があります。やり直す前に状態を確認し、窓口（ヘルプデスク）にお知らせください。

