# 二つ目の要素: 確認と登録

mfa = 多要素認証
recommended = おすすめ
otp = ワンタイムパスワード
otp-hint = 6桁の数字です。
otp-app = OTPアプリ
otp-app-auth = OTPアプリ認証
external-mail-auth = 外部メール認証
issue-otp = OTP発行
log-in-by-otp = LOG IN

step-why = いまのアクセス元 { $from } からは、パスワードに加えて確認が必要です。
step-choose = 確認の方法を選んでください。
step-app-hint = スマートフォンなどの OTPアプリに表示される6桁の数字を入力します。
step-mail-hint = 登録した外部メールアドレスに届く6桁の数字を入力します。
step-other-way = ほかの方法で確認する
step-app-where = OTPアプリを開き、VIEW CODE を押している間に表示される数字を入力してください。
step-mail-issue = 「OTP発行」を押すと、{ $to } にワンタイムパスワードをお送りします。
all-disabled = 認証要素が停止されています
all-disabled-why = ワンタイムパスワードの間違いが続いたため、登録済みの認証要素はすべて停止されています。
all-disabled-what-to-do = 学内など信頼されたネットワークからログインして再び有効にするか、窓口(ヘルプデスク)にご連絡ください。

proof-wrong = ワンタイムパスワードが違います。
proof-tries-left = あと{ $tries }回間違えると、パスワードからやり直しになります。
proof-used = このワンタイムパスワードは使用済みです。{ $seconds }秒後に表示される次の数字を入力してください。
proof-clock-behind = 端末の時計が約{ $minutes }分遅れています。端末の設定で日時の自動設定を有効にしてから、もう一度お試しください。
proof-clock-ahead = 端末の時計が約{ $minutes }分進んでいます。端末の設定で日時の自動設定を有効にしてから、もう一度お試しください。
proof-password-again = ワンタイムパスワードの間違いが続きました。もう一度パスワードからログインしてください。
proof-kind-disabled = この認証要素は、間違いが続いたため停止されています。ほかの方法を使うか、窓口(ヘルプデスク)にご連絡ください。
proof-wait = 間違いが続いたため、しばらく確認できません。{ $until } 以降に、もう一度お試しください。
proof-not-offered = この方法は登録されていません。ほかの方法を選んでください。
proof-code-expired = 有効なワンタイムパスワードがありません。「OTP発行」で新しいものをお受け取りください。
proof-too-many-letters = 続けて発行することはできません。{ $until } 以降に、もう一度お試しください。先に届いたものは、有効期限まで使えます。
proof-no-relay = このサイトでは外部へのメール送信が設定されていません。窓口(ヘルプデスク)にご連絡ください。
proof-mail-temporarily = 一時的にメールを送信できません。しばらくしてから、もう一度お試しください。
proof-source-obscured = アクセス元を確かめられないため、ここでは確認できません。窓口(ヘルプデスク)に「プロキシの設定」とお伝えください。

otp-length = ワンタイムパスワードは6桁の数字です(入力は{ $found }文字でした)。
otp-character = ワンタイムパスワードは数字だけです(「{ $found }」は使えません)。
otp-is-a-code = これはアプリコードかユーザコードのようです。OTPアプリの VIEW CODE で表示される6桁の数字を入力してください。

app-code = アプリコード
user-code = ユーザコード
app-code-hint = OTPアプリに表示された15文字です。小文字や空白が入っていても、ハイフンがなくてもかまいません。
app-code-taken = 入力されたアプリコード:
user-code-until = ユーザコードの有効期限:
user-code-once-more = ユーザコードをもう一度見る
copy = コピー
copied = コピーしました
open-in-app = OTPアプリで開く
open-app = OTPアプリを開く
code-length = コードは15文字です(入力は{ $found }文字でした)。
code-character = { $at }文字目の「{ $found }」は、コードに使われない文字です。
code-check = コードに間違いがあります。1文字違うか、2文字が入れ替わっています。画面と見比べてください。
code-as-typed = 入力されたコード
code-same = これはユーザコードです。OTPアプリに表示されたアプリコードを入力してください。

address = メールアドレス
address-hint = このサイトのアドレス以外で、学外からでも読めるものを入力してください。
address-no-at = メールアドレスは「名前@ドメイン」の形で入力してください。
address-local = 「@」より前の部分が正しくありません。
address-domain = 「@」より後の部分が正しくありません。
address-own-domain = このサイトのアドレスは登録できません。私用など外部のアドレスを入力してください。

letter-sent = { $to } にメールをお送りしました。
letter-from = 件名は「OTP notification (OTP発行のお知らせ)」、差出人はあなたのアドレスです。
letter-until = 有効期限:
letter-failed = { $to } に届けられませんでした。相手のサーバの応答: { $why }
letter-expired = 有効期限までに届けられませんでした。「OTP発行」で新しいものをお受け取りください。
letter-delayed = 相手のサーバが混み合っているため、配送に時間がかかっています。そのままお待ちください。
letter-again-at = 次に発行できるのは { $until } 以降です。
letter-not-there = 届かないとき
letter-not-there-hint = 迷惑メールのフォルダもご確認ください。もう一度発行しても、先に届いたものは有効期限まで使えます。

wizard = 認証要素の登録
wizard-why = このアカウントでは多要素認証を使います。いまのアクセス元からログインするには、認証要素の登録が必要です。
wizard-app-choice = スマートフォンやパソコンのアプリを使います。通信のない場所でも使えます。
wizard-mail-choice = 私用のメールアドレスでワンタイムパスワードを受け取ります。
wizard-app-code = アプリコードを入力
wizard-app-code-hint = OTPアプリで「追加」を押すと表示されるアプリコードを入力してください。
wizard-user-code = ユーザコードをアプリに入力
wizard-user-code-hint = このユーザコードを OTPアプリに入力し、アプリの「登録」を押してください。ほかの画面に移っても、戻ればこの画面から続けられます。
wizard-otp = ワンタイムパスワードを入力
wizard-address-hint = 入力したアドレスに、確認のためのワンタイムパスワードをお送りします。
registered-title = 登録が完了しました
registered-what = 認証要素を登録しました。いまのアクセス元では、メールソフトも使えるようになりました。
enrolment-code = 登録コード
enrolment-code-hint = 窓口(ヘルプデスク)で受け取った、一度だけ使えるコードです。
enrolment-code-needed = 窓口(ヘルプデスク)で受け取った登録コードを入力してください。
enrolment-code-expired = 登録コードの有効期限が切れています。窓口(ヘルプデスク)で新しいものをお受け取りください。
enrolment-code-wrong = 登録コードが違います。
register-forbidden = いまのアクセス元からは、認証要素を登録できません。
register-forbidden-what-to-do = 学内など信頼されたネットワークからログインして登録するか、窓口(ヘルプデスク)にご連絡ください。
register-nothing-waits = コードの有効期限が切れました。はじめからやり直してください。
register-mail-off = このサイトでは外部メール認証を使いません。
register-too-many = 登録できる OTPアプリは{ $most }個までです。使わないものを削除してください。
wrong-password = パスワードが違います。
