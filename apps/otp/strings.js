// All texts of the app, in Japanese and English. The labels are the same as in the webmail and its guide.

export const LANGUAGES = {
  ja: {
    title: 'OTPアプリ | 関所',
    heading: 'OTPアプリ',
    otherLanguage: 'English',
    add: '追加',
    appCode: 'アプリコード',
    appCodeHint: 'この15文字を、ウェブメールの「OTPアプリ登録」に入力してください。登録を押すと、このコードは消えます。',
    copy: 'コピー',
    copied: 'コピーしました',
    selected: '選択しました',
    userCode: 'ユーザコード',
    userCodeHint: 'ウェブメールに表示された15文字を入力するか、貼り付けてください。ハイフンは省けます。',
    name: '名前（任意）',
    nameExample: '例: 大学のメール',
    register: '登録',
    cancel: 'キャンセル',
    addingKept: '別のタブやアプリに移っても、このページを閉じても、続きから再開できます。',
    userCodeEmpty: 'ユーザコードを入力してください。',
    userCodeShort: (missing) => `あと${missing}文字です。`,
    userCodeLong: (found) => `${found}文字あります。ユーザコードは15文字です。`,
    userCodeCharacter: (at, found) => `${at}文字目の「${found}」は、コードに使われない文字です。`,
    userCodeCheck: 'どこかが違います（1文字の間違いか、2文字の入れ替わり）。ウェブメールの表示と見比べてください。',
    userCodeIsAppCode: 'これは上のアプリコードです。ウェブメールに表示されたユーザコードを入力してください。',
    userCodeRight: '正しく入力されました。',
    registerFailed: '保存できませんでした。端末の空き容量を確かめて、もう一度登録を押してください。',
    registered: (name) => `「${name}」を登録しました。VIEW\u00a0CODE の6桁をウェブメールに入力してください。`,
    accounts: 'アカウント',
    empty: 'アカウントはまだありません。',
    emptyHint: 'ウェブメールで「OTPアプリ登録」の画面を開いてから、追加を押してください。',
    unnamed: (number) => `アカウント ${number}`,
    viewCode: 'VIEW CODE',
    viewCodeHint: '押している間、表示します',
    toggleCode: '押し続けずに表示する',
    secondsLeft: (seconds) => `あと${seconds}秒`,
    announced: (digits, seconds) => `${digits}、あと${seconds}秒`,
    edit: (name) => `「${name}」の編集`,
    editHeading: 'アカウントの編集',
    editName: '名前',
    save: '保存',
    close: '閉じる',
    remove: 'このアカウントを削除…',
    removeHeading: (name) => `「${name}」を削除しますか`,
    removeHint: 'この端末では、このアカウントの6桁を二度と表示できなくなります。ウェブメール側の登録は残るので、そちらでも削除してください。',
    removeConfirm: '削除する',
    removed: (name) => `「${name}」を削除しました。`,
    undo: '元に戻す',
    broughtBack: (name) => `「${name}」を元に戻しました。`,
    moveUp: '上へ',
    moveDown: '下へ',
    scan: 'カメラで読み取る',
    scanHint: 'ウェブメールに表示された QRコードにカメラを向けてください。',
    noCamera: 'カメラを使えません。ブラウザの設定で許可するか、ユーザコードを入力してください。',
    clockFast: (minutes) => `この端末の時計は約${minutes}分進んでいます。数字は正しい時刻に合わせて表示しています。端末の日時の自動設定を有効にしてください。`,
    clockSlow: (minutes) => `この端末の時計は約${minutes}分遅れています。数字は正しい時刻に合わせて表示しています。端末の日時の自動設定を有効にしてください。`,
    howToInstall: 'アプリとしてインストールするには',
    installAndroid: 'Chrome のメニュー（⋮）から「ホーム画面に追加」または「アプリをインストール」を選びます。',
    installIos: 'Safari の共有ボタンから「ホーム画面に追加」を選び、ホーム画面のアイコンから開きます。アカウントはそのあとで追加してください。',
    installDesktopName: 'パソコン',
    installDesktop: 'Chrome と Edge ではアドレスバーのインストールのアイコン、Mac の Safari では「ファイル」の「Dockに追加」を選びます。Firefox ではブックマークしてお使いください。',
    back: '戻る',
    noKeys: 'このウィンドウでは鍵を保存できません。プライベートウィンドウなら通常のウィンドウで、そうでなければ別のブラウザで開いてください。',
    insecure: '安全な接続（https）で開いてください。この接続では鍵を作れません。',
    mayBeCleared: 'ブラウザは、容量が足りなくなると鍵を消すことがあります。アプリとしてインストールすると消されにくくなります。',
    install: 'インストール',
    installFirst: 'まずホーム画面に追加してください',
    installFirstHint: 'iPhoneとiPadでは、ホーム画面のアプリとこのタブは別々にデータを保存します。ここで登録しても、アプリには引き継がれません。',
    installStep1: 'ブラウザの共有ボタンを押す',
    installStep2: '「ホーム画面に追加」を選ぶ',
    installStep3: 'ホーム画面のアイコンから開き、追加を押す',
    installCode: '受け取ったユーザコード（アプリで貼り付けます）',
    installSkip: 'このタブで使う',
  },
  en: {
    title: 'OTP app | Sekisho',
    heading: 'OTP app',
    otherLanguage: '日本語',
    add: 'Add',
    appCode: 'App code',
    appCodeHint: 'Enter these 15 characters in the webmail, under “Register OTP app”. The code is gone once you press Register.',
    copy: 'Copy',
    copied: 'Copied',
    selected: 'Selected',
    userCode: 'User code',
    userCodeHint: 'Type or paste the 15 characters that the webmail shows. You can leave out the hyphens.',
    name: 'Name (optional)',
    nameExample: 'e.g. University mail',
    register: 'Register',
    cancel: 'Cancel',
    addingKept: 'You can switch to another tab or app, or close this page, and carry on here later.',
    userCodeEmpty: 'Enter the user code.',
    userCodeShort: (missing) => `${missing} more to go.`,
    userCodeLong: (found) => `These are ${found} characters. A user code has 15.`,
    userCodeCharacter: (at, found) => `Character ${at}, “${found}”, never occurs in a code.`,
    userCodeCheck: 'Something is wrong: one character, or two that changed places. Compare this with what the webmail shows.',
    userCodeIsAppCode: 'This is the app code from above. Enter the user code that the webmail shows.',
    userCodeRight: 'Typed correctly.',
    registerFailed: 'It could not be saved. Check that the device has free space, then press Register again.',
    registered: (name) => `“${name}” is registered. Enter the 6 digits behind VIEW\u00a0CODE in the webmail.`,
    accounts: 'Accounts',
    empty: 'No accounts yet.',
    emptyHint: 'Open “Register OTP app” in the webmail, then press Add.',
    unnamed: (number) => `Account ${number}`,
    viewCode: 'VIEW CODE',
    viewCodeHint: 'Shown while you hold this',
    toggleCode: 'Show without holding',
    secondsLeft: (seconds) => `${seconds} s left`,
    announced: (digits, seconds) => `${digits}, ${seconds} seconds left`,
    edit: (name) => `Edit “${name}”`,
    editHeading: 'Edit account',
    editName: 'Name',
    save: 'Save',
    close: 'Close',
    remove: 'Delete this account…',
    removeHeading: (name) => `Delete “${name}”?`,
    removeHint: 'This device will never show this account’s 6 digits again. The webmail still lists the app: remove it there, too.',
    removeConfirm: 'Delete',
    removed: (name) => `“${name}” is deleted.`,
    undo: 'Undo',
    broughtBack: (name) => `“${name}” is back.`,
    moveUp: 'Up',
    moveDown: 'Down',
    scan: 'Scan with the camera',
    scanHint: 'Point the camera at the QR code that the webmail shows.',
    noCamera: 'The camera can’t be used. Allow it in the browser’s settings, or type the user code.',
    clockFast: (minutes) => `This device’s clock is about ${minutes} min fast. The digits shown are right all the same. Please turn on automatic date and time.`,
    clockSlow: (minutes) => `This device’s clock is about ${minutes} min slow. The digits shown are right all the same. Please turn on automatic date and time.`,
    howToInstall: 'How to install this app',
    installAndroid: 'In Chrome’s menu (⋮) choose “Add to Home screen” or “Install app”.',
    installIos: 'In Safari press Share, choose “Add to Home Screen”, and open the app from there. Add accounts after that.',
    installDesktopName: 'Computers',
    installDesktop: 'In Chrome and Edge press the install icon in the address bar; in Safari on a Mac choose File > Add to Dock. In Firefox keep a bookmark.',
    back: 'Back',
    noKeys: 'This window can’t keep keys. If it is a private window, use a normal one; otherwise use another browser.',
    insecure: 'Open this page over a secure connection (https). No key can be made over this one.',
    mayBeCleared: 'When space runs short the browser may delete your keys. They are safer if you install the app.',
    install: 'Install',
    installFirst: 'Add this app to the Home Screen first',
    installFirstHint: 'On iPhone and iPad, the app on the Home Screen and this tab keep their data apart. What you register here would not be in the app.',
    installStep1: 'Press the browser’s Share button',
    installStep2: 'Choose “Add to Home Screen”',
    installStep3: 'Open the app from the Home Screen and press Add',
    installCode: 'The user code you received (paste it in the app)',
    installSkip: 'Use this tab anyway',
  },
};

const REMEMBERED = 'language';

let language = remembered() ?? (globalThis.navigator?.language?.startsWith('ja') ? 'ja' : 'en');

/** The text of this name in the current language, with its blanks filled in. */
export function text(name, ...blanks) {
  const sentence = LANGUAGES[language][name];
  return typeof sentence === 'function' ? sentence(...blanks) : sentence;
}

/** Writes the texts that the markup's data attributes name. */
export function writeTexts(root) {
  for (const element of root.querySelectorAll('[data-text]')) element.textContent = text(element.dataset.text);
  for (const element of root.querySelectorAll('[data-example]')) element.placeholder = text(element.dataset.example);
}

/** The current language, as a value for `lang`. */
export function currentLanguage() {
  return language;
}

/** The language that the switch changes to. */
export function otherLanguage() {
  return language === 'ja' ? 'en' : 'ja';
}

/** Changes the language, and remembers it where the browser allows that. */
export function switchLanguage() {
  language = otherLanguage();
  try {
    localStorage.setItem(REMEMBERED, language);
  } catch {
    // Storage is not available: the next visit begins in the browser's language.
  }
}

function remembered() {
  try {
    const language = localStorage.getItem(REMEMBERED);
    return Object.hasOwn(LANGUAGES, language) ? language : undefined;
  } catch {
    return undefined;
  }
}
