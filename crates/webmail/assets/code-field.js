
// This file follows the OTP app's codes.js in one script. The field for an app code shows at once whether the code is
// right, and repeats it in large groups.
const judgeField = (field, isFinished) => {
  const place = field.closest('.field');
  const [back, verdict] = [place.querySelector('.read-back'), place.querySelector('.verdict')];
  const { symbols, code, problem, at, found } = read(field.value);
  const words = field.dataset;
  const sayings = {
    undefined: () => words.right,
    empty: () => '',
    short: () => words.left.replace('%n', SYMBOLS - symbols.length),
    long: () => words.long.replace('%n', symbols.length),
    character: () => words.character.replace('%n', at).replace('%c', found),
    check: () => words.check,
    same: () => words.same,
  };
  const isOther = code && words.other && code === read(words.other).code;
  const outcome = isOther ? 'same' : problem;
  const isUnfinished = outcome === 'empty' || outcome === 'short';
  const isWrong = outcome !== undefined && outcome !== 'empty' && (isFinished || !isUnfinished);
  const saying = sayings[outcome]();
  if (verdict.textContent !== saying) verdict.textContent = saying;
  verdict.className = `verdict ${isWrong ? 'wrong' : outcome ? '' : 'right'}`;
  field.setAttribute('aria-invalid', String(isWrong));
  back.hidden = symbols.length === 0;
  back.querySelector('.code').textContent = grouped(symbols.map((symbol) => symbol.shown).join(''));
};

for (const field of document.querySelectorAll('input[data-code]')) {
  field.addEventListener('input', () => judgeField(field, false));
  field.addEventListener('change', () => judgeField(field, true));
  if (field.value) judgeField(field, true);
}

// A person who hands the user code to the app by the link has it there already; the form says so, and its step is
// skipped.
document.getElementById('open-in-app')?.addEventListener('click', () => {
  const step = document.getElementById('step');
  if (!step || step.elements['handed-over']) return;
  const mark = Object.assign(document.createElement('input'), { type: 'hidden', name: 'handed-over', value: '1' });
  step.append(mark);
});
