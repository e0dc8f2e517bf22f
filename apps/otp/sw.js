// Stores the whole app on the device, so that it opens without a network. When this worker is installed, it fetches
// all files, and serves these until the next version is installed.

// The first digits of a hash of the files below, so that any change reaches the devices.
// `node --test` in this folder fails if it is out of date, and prints the right one.
const VERSION = 'e290ec89cebf';

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
  // Everything else, such as the site's time, comes from the network.
  if (request.method === 'GET' && origin === location.origin && isOurs) event.respondWith(answer(request));
});

async function keepFiles() {
  const cache = await caches.open(CACHE);
  await cache.addAll(FILES.map((file) => new Request(file, { cache: 'reload' })));
}

async function dropOtherVersions() {
  const names = await caches.keys();
  const others = names.filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(others.map((name) => caches.delete(name)));
}

async function answer(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request.mode === 'navigate' ? './' : request, { ignoreSearch: true });
  return kept ?? fetch(request);
}
