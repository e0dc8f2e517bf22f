// Keeps the whole app on the device, so that it opens without a network. The files of one version stay
// together: they are fetched when this worker is installed and served from there until the next one.

// The beginning of a digest over the files below, so that any change to them reaches the devices.
// `node --test` in this folder fails, and names the right one, when it is out of date.
const VERSION = 'a2f0103de220';

const FILES = [
  './',
  'accounts.js',
  'adding.js',
  'agree.js',
  'app.css',
  'app.js',
  'clock.js',
  'codes.js',
  'display.js',
  'editing.js',
  'icon-192.png',
  'icon-512.png',
  'icon-maskable-512.png',
  'icon.svg',
  'manifest.webmanifest',
  'scanning.js',
  'store.js',
  'strings.js',
];

const OWN = new Set(FILES.map((file) => new URL(file, location).pathname));

const PREFIX = 'otp-app-';
const CACHE = PREFIX + VERSION;

self.addEventListener('install', (event) => {
  event.waitUntil(keepFiles().then(() => self.skipWaiting()));
});

self.addEventListener('activate', (event) => {
  event.waitUntil(dropOtherVersions().then(() => self.clients.claim()));
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  const isOurs = request.mode === 'navigate' || OWN.has(pathname);
  // What is not among the files, such as the site's time, is the network's business.
  if (request.method === 'GET' && origin === location.origin && isOurs) event.respondWith(answer(request));
});

async function keepFiles() {
  const cache = await caches.open(CACHE);
  await cache.addAll(FILES.map((file) => new Request(file, { cache: 'reload' })));
}

async function dropOtherVersions() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(PREFIX) && name !== CACHE).map((name) => caches.delete(name)));
}

async function answer(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request.mode === 'navigate' ? './' : request, { ignoreSearch: true });
  return kept ?? fetch(request);
}
