// The pages made easier where there is a script; they work without one.
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
    // What was edited is another try, also where the browser was told to stop waiting for the first.
    form.addEventListener('input', () => { sent = false; });
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

  // Passwords can be shown while they are typed. They are hidden again before the form is sent, so that no browser keeps them as text,
  // and when the page is left.
  for (const button of document.querySelectorAll('button[data-hide]')) {
    const fields = button.getAttribute('aria-controls').split(' ').map((id) => document.getElementById(id));
    const words = { password: button.textContent, text: button.dataset.hide };
    const turn = (type) => {
      for (const field of fields.filter((one) => one.type !== type)) {
        const { selectionStart, selectionEnd, selectionDirection } = field;
        field.type = type;
        field.setSelectionRange(selectionStart, selectionEnd, selectionDirection);
      }
      button.textContent = words[type];
    };
    // A press of the mouse or a finger leaves the focus, the caret and the keyboard on the screen where they are.
    button.addEventListener('mousedown', (event) => event.preventDefault());
    button.addEventListener('click', () => turn(fields[0].type === 'text' ? 'password' : 'text'));
    button.form.addEventListener('submit', () => turn('password'));
    addEventListener('pagehide', () => turn('password'));
    button.hidden = false;
  }

  const began = Date.now();
  const passed = () => Date.now() - began;

  // When a new code, or a way that was tried, may be asked for again. The sentence comes from the server; only its number moves, and not
  // with every second.
  const paced = [...document.querySelectorAll('button[data-wait]')];
  const free = (button) => {
    button.disabled = false;
    button.querySelector('.when').remove();
  };
  const tick = () => {
    for (const button of paced.filter((one) => one.disabled)) {
      const left = Number(button.dataset.wait) - passed() / 1000;
      if (left <= 0) free(button);
      else if (left > 5) button.querySelector('.when').textContent = button.dataset.when.replace(/\d+/, Math.ceil(left / 5) * 5);
    }
    if (paced.some((one) => one.disabled)) setTimeout(tick, 1000);
  };
  for (const button of paced) {
    button.disabled = true;
    button.dataset.when = button.querySelector('.when').textContent;
  }
  tick();

  const progress = document.getElementById('progress');
  const answer = document.getElementById('answer');
  const field = document.getElementById('passcode');
  const check = document.getElementById('check');
  if (!progress || !answer || !field || !check) return;

  const lifetime = Number(progress.dataset.life) * 1000;
  // The script asks by itself.
  check.hidden = true;

  // How far the message is: every 2 s, later every 5 s, until nothing more will be known.
  const poll = async () => {
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
    if (passed() < lifetime) later();
  };
  const later = () => setTimeout(poll, passed() < 20000 ? 2000 : 5000);
  if (progress.dataset.state === 'sending' || progress.dataset.state === 'waiting') later();

  // When the code is too old, the page is the one that offers a new code.
  setTimeout(() => location.replace(check.href), lifetime + 1000);

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
