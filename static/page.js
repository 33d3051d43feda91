// The pages that follow the login page, made easier where there is a script; they work without one. The login page has none.
'use strict';
(() => {
  // A form of another site is handed over; not when somebody comes back to this page. Its fields may have any name, also those that
  // forms know.
  const handOver = document.getElementById('hand-over');
  const [came] = performance.getEntriesByType('navigation');
  if (handOver && came?.type !== 'back_forward') HTMLFormElement.prototype.submit.call(handOver);

  // One press is one try.
  for (const form of document.forms) {
    let sent = false;
    form.addEventListener('submit', (event) => {
      if (sent) event.preventDefault();
      sent = true;
    });
    addEventListener('pageshow', () => { sent = false; });
  }

  // What stands behind the # of the address that was wanted is told to no server. Forms and links take it along, redirects keep it, and so
  // it is there again in the end. The form of the login page names no address to post to, which does the same.
  if (location.hash) {
    for (const [one, name] of [...document.forms].map((form) => [form, 'action'])
      .concat([...document.querySelectorAll('a[href^="/"]')].map((link) => [link, 'href']))) {
      const target = one.getAttribute(name);
      if (target && !target.includes('#')) one.setAttribute(name, target + location.hash);
    }
  }

  const progress = document.getElementById('progress');
  const answer = document.getElementById('answer');
  const field = document.getElementById('passcode');
  const life = document.getElementById('life');
  const paced = document.querySelectorAll('button[data-wait]');
  const when = document.getElementById('resend-when');
  if (!progress || !answer || !field) return;

  const began = Date.now();
  const lifetime = Number(progress.dataset.life) * 1000;
  const passed = () => Date.now() - began;

  // How far the message is: every 2 s, later every 5 s, until nothing more will be known, and once more when the code is too old.
  const poll = async () => {
    const last = passed() > lifetime;
    try {
      const reply = await fetch(progress.dataset.poll, { credentials: 'same-origin', headers: { accept: 'application/json' } });
      // This sign-in is over. Every other failure may pass.
      if (reply.status === 404) return;
      if (reply.ok) {
        const news = await reply.json();
        if (progress.textContent !== news.text) progress.textContent = news.text;
        progress.className = news.state;
        if (news.state !== 'sending' && news.state !== 'waiting') return;
      }
    } catch {
      // The network may come back; the next round tries again.
    }
    if (!last) later();
  };
  const later = () => setTimeout(poll, passed() < 20000 ? 2000 : 5000);
  if (progress.dataset.state === 'sending' || progress.dataset.state === 'waiting') later();

  // When the code is too old.
  setTimeout(() => { if (life.textContent) life.textContent = life.dataset.over; }, lifetime);

  // How long until a new code or another way may be asked for. The sentence comes from the server; only its number moves.
  if (paced.length && when) {
    const wait = Number(paced[0].dataset.wait);
    const sentence = when.textContent;
    for (const button of paced) button.disabled = true;
    const tick = setInterval(() => {
      const left = Math.ceil(wait - passed() / 1000);
      if (left > 0) {
        when.textContent = sentence.replace(/\d+/, left);
        return;
      }
      clearInterval(tick);
      when.textContent = when.dataset.now;
      for (const button of paced) button.disabled = false;
    }, 1000);
  }

  // The phone offers the code from the message (WebOTP), where it can.
  if ('OTPCredential' in window) {
    const stop = new AbortController();
    answer.addEventListener('submit', () => stop.abort());
    setTimeout(() => stop.abort(), lifetime);
    navigator.credentials.get({ otp: { transport: ['sms'] }, signal: stop.signal }).then((credential) => {
      field.value = credential.code;
      answer.requestSubmit();
    }).catch(() => {});
  }
})();
