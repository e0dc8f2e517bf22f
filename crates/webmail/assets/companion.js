// Right after a code was accepted, lets the browser's other address family join the grant, so that a mail program that
// uses that family is admitted too.

const place = document.getElementById('companion');
const post = (url, fields, options) => fetch(url, { method: 'POST', body: new URLSearchParams(fields), ...options });

const join = async () => {
  const answer = await post('/mfa/companion-token', { csrf: place.dataset.csrf });
  const { token } = answer.ok ? await answer.json() : {};
  // Without a second address family this request fails, which is no error to show.
  if (token) await post(place.dataset.to, { token, script: 1 }, { credentials: 'omit', mode: 'cors' });
};

if (place) join().catch(() => {});
