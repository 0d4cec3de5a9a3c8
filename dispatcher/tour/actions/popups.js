// Find the button that answers a banner about cookies or consent, in this document and in its open shadow trees.
// Returns true when it is marked (the attribute MARK), false when there is none. `whole`: this document is the banner,
// as in a frame that holds nothing else. A button outside such a surface is never taken, whatever it says.
({ mark, whole }) => {
  // What a surface is called: in its id, class, label, title or data attributes.
  const compound = "banner|bar|notice|consent|law|policy|popup|pop-up|overlay|modal|dialog|message|msg|info|prompt|" +
    "wall|layer|box|alert|hint|accept|settings|preferences|manager|control|compliance|disclaimer|warning|container|root";
  const named = new RegExp([
    `cookies?[-_ ]*(${compound})`, `(${compound})[-_ ]*cookies?`, "gdpr", "dsgvo", "rgpd", "lgpd", "ccpa", "eprivacy",
    "cookieconsent", "(^|[-_ ])consent", "consent($|[-_ ])", "consent[-_ ]*(${compound})", "onetrust", "cookiebot",
    "usercentrics", "didomi", "qc-cmp", "truste", "sp_message", "klaro", "cmplz", "(^|[-_ ])cky-", "borlabs", "iubenda",
    "osano", "termly", "cmpbox", "cmpwrapper", "axeptio", "fc-consent", "hs-eu-cookie", "privacy[-_ ]*(banner|notice|popup|manager|center)",
  ].join("|").replaceAll("${compound}", compound), "i");
  // What a surface says, where nothing is called so.
  const says = new RegExp([
    "(use|uses|using|accept|about|store|set)s? [^.]{0,40}cookies", "cookies? (policy|settings|preferences|consent|notice)",
    "value your privacy", "your privacy", "privacy (preferences|choices|settings)",
    "cookies (verwende|nutz|einsetz|setz|zulass|akzept)", "(verwende|nutz|setz)\\w* [^.]{0,40}cookies", "privatsph|datenschutz",
    "(utilis|dépos|accept)\\w* [^.]{0,40}cookies", "(usa|utiliza|emplea|acepta)\\w* [^.]{0,40}cookies",
    "(usa|utilizz|accett)\\w* [^.]{0,40}cookie", "(usa|utiliza|aceita)\\w* [^.]{0,40}cookies", "(gebruik|plaats)\\w* [^.]{0,40}cookies",
    "(używ|stosuj|korzyst)\\w* [^.]{0,40}(plik|cookie|ciastecz)", "cookies? (を|等)|クッキー", "쿠키", "cookie.{0,8}(使用|政策|设置)|(使用|接受).{0,8}cookie",
    "(använder|bruger|bruker|käytämme)\\w* [^.]{0,40}(cookies|kakor|informasjonskapsler|evästei)", "файл\\w* cookie|куки",
    "(çerez)", "(používá|súbory)\\w* [^.]{0,40}cookies",
  ].join("|"), "i");
  // Labels, whole: what agrees to everything; what closes the matter where nothing else does.
  const all = "all|everything|alles?|alle|tout|tous|todo|todas|todos|tutti|tutto|allemaal|wszystkie|alla|kaikki|すべて|모두|全部|все|tümünü|vše";
  const agrees = [
    `(i |yes,? ?i? ?)?(accept|agree|allow|consent|got it|ok|okay|understood|continue|enable)( (${all}|to all))?( (and|&) (close|continue|proceed))?( ?(the )?(cookies?|all cookies|and continue|and close))?`,
    "(that.?s )?(fine|ok|okay|great|cool)( with me)?", "accept (all )?(recommended |optional )?cookies( and continue)?", "i (understand|consent|accept( all)?|agree)",
    "(ja,? )?(ich )?(stimme (allen? )?zu|akzeptiere|bin einverstanden|einverstanden|zustimmen|akzeptieren|annehmen|verstanden|zulassen|erlauben)( (und|&) (schließen|weiter|fortfahren))?",
    "(alle?|allen?)( cookies)? (akzeptieren|annehmen|zulassen|erlauben|zustimmen)( (und|&) (schließen|weiter|fortfahren))?", "cookies (akzeptieren|zulassen|erlauben|annehmen)",
    "(oui,? )?(j.accepte|tout accepter|accepter( (tout|tous les cookies|les cookies|et (fermer|continuer)))?|autoriser( tout)?|ok pour moi|d.accord|j.ai compris|compris)",
    "(sí,? )?(aceptar|acepto|permitir|entendido|de acuerdo|vale)( (todo|todas|todos|todas las cookies|las cookies|cookies|y (cerrar|continuar)))?",
    "(sì,? )?(accetto|accetta|acconsento|consenti|ho capito|va bene)( (tutto|tutti( i cookie)?|i cookie|e (chiudi|continua|prosegui)))?",
    "(aceitar|aceito|concordo|permitir|entendi|percebi)( (tudo|todos( os cookies)?|os cookies|cookies|e (fechar|continuar)))?",
    "(alles |alle cookies |cookies )?(accepteren|toestaan|aanvaarden|akkoord|begrepen)|ik ga akkoord|(ja,? )?akkoord|ik accepteer( alles)?|accepteer( alle(s| cookies)?)?",
    "(zaakceptuj|akceptuj|akceptuję|zgadzam się|zezwól|rozumiem|przyjmuję)( (wszystkie|wszystko|na wszystkie|pliki cookies?|cookies))?( pliki cookies?)?( i (zamknij|przejdź dalej))?",
    "(godkänn|acceptera|tillåt|jag (godkänner|förstår|accepterar))( (alla|allt))?( (cookies|kakor))?", "(accepter|tillad|godkend|jeg accepterer)( alle)?( cookies)?|(godta|aksepter|tillat|jeg (godtar|forstår))( alle)?( informasjonskapsler| cookies)?",
    "(hyväksy|salli)( (kaikki|evästeet|kaikki evästeet))?", "(přijmout|povolit|souhlasím|rozumím|prijať|súhlasím)( (vše|všechny|všetky))?( cookies| soubory cookie)?",
    "(すべて|全て)?(の?cookie)?(を)?(同意する|同意|許可する|許可|承諾する|受け入れる|受け入れ|了解|承認)(する)?", "(모두|전체)? ?(동의|수락|허용|확인)(하기|함|합니다)?", "(全部|我)?(接受|同意|允许|知道了|接受所有|接受全部)(全部|所有)?( ?cookies?)?|我(接受|同意)",
    "(принять|принимаю|согласен|согласиться|хорошо|понятно|разрешить)( (все|всё))?( (файлы cookie|cookies?|куки))?", "(tümünü|hepsini)? ?(kabul et|kabul ediyorum|izin ver|anladım|onayla)", "(прийняти|погоджуюсь|дозволити)( (все|усі))?( cookies)?",
    "(elfogadom|rendben|értem|összes elfogadása)|(accept|sunt de acord|acceptă)( toate| tot)?( cookie-urile)?|(αποδοχή|συμφωνώ)( όλων)?",
  ];
  const closes = ["(close|dismiss|×|✕|x|schließen|fermer|cerrar|chiudi|fechar|sluiten|zamknij|閉じる|닫기|关闭)", "(reject|decline|refuse|deny|only necessary|necessary only|essential only|reject all|decline all|alle ablehnen|ablehnen|nur notwendige|tout refuser|refuser|rechazar( todo)?|rifiuta( tutto)?|rejeitar( tudo)?|weigeren|odrzuć( wszystkie)?)( cookies)?"];
  const whole_label = (parts) => new RegExp(`^(${parts.join("|")})[.!…→»>]*$`, "iu");
  const [accept, close] = [whole_label(agrees), whole_label(closes)];
  // Weak words agree to anything; outside a surface that is *called* one they need cookies in the label.
  const strong = /cookie|kakor|eväst|çerez|куки|all\b|alle|tout|tous|tod[oa]s?|tutt|tudo|wszyst|すべて|全て|모두|全部|все|всё|tümünü|consent|einverstanden|zustimm/iu;
  const known = [
    "#onetrust-accept-btn-handler", "#CybotCookiebotDialogBodyLevelButtonLevelOptinAllowAll", "#CybotCookiebotDialogBodyButtonAccept",
    "[data-testid=uc-accept-all-button]", "#didomi-notice-agree-button", ".qc-cmp2-summary-buttons button[mode=primary]",
    "#truste-consent-button", ".sp_choice_type_11", ".cm-btn-accept-all", ".cmplz-accept", ".cky-btn-accept",
    "[data-cookie-accept-all]", ".iubenda-cs-accept-btn", ".osano-cm-accept-all", ".fc-cta-consent", "#hs-eu-confirmation-button",
    "#cmpwelcomebtnyes a", "#axeptio_btn_acceptAll", ".cc-allow", ".cc-dismiss", "#cookiescript_accept", ".termly-styles-root button[data-tid=banner-accept]",
  ].join(",");

  const seen = (element) => {
    const box = element.getBoundingClientRect();
    return box.width > 1 && box.height > 1 && element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  };
  const parent = (element) => element.parentElement ?? (element.getRootNode() instanceof ShadowRoot ? element.getRootNode().host : null);
  const label = (element) => {
    const text = element instanceof HTMLInputElement ? element.value : element.innerText || element.getAttribute("aria-label") || element.title;
    return (text ?? "").replace(/\s+/g, " ").trim();
  };
  const names = (element) => [element.id, element.getAttribute("class"), element.getAttribute("aria-label"), element.title,
    ...element.getAttributeNames().filter((name) => name.startsWith("data-")).map((name) => `${name} ${element.getAttribute(name)}`),
    element.localName.includes("-") ? element.localName : ""].filter(Boolean)
    .map((name) => String(name).replace(/([a-z])([A-Z])/g, "$1-$2")).join(" ");
  const lies_over = (element) => /^(dialog|alertdialog)$/.test(element.getAttribute("role") ?? "") || element instanceof HTMLDialogElement ||
    /^(fixed|sticky)$/.test(getComputedStyle(element).position);
  // 2: the button is in a surface that is called one; 1: in one that says so; 0: in none.
  const surface = (button) => {
    if (whole) return 2;
    let over = false, says_so = false;
    for (let at = button; at && at !== document.body && at !== document.documentElement; at = parent(at)) {
      if (at !== button && named.test(names(at))) return 2;
      if (lies_over(at)) { over = true; says_so ||= says.test((at.innerText ?? "").slice(0, 4000)); }
    }
    return over && says_so ? 1 : 0;
  };
  const everything = function* (root) {
    for (const element of root.querySelectorAll("*")) {
      yield element;
      if (element.shadowRoot) yield* everything(element.shadowRoot);
    }
  };
  const buttons = "button, a, summary, [role=button], [role=link], input[type=button], input[type=submit], input[type=reset], input[type=image]";
  let best = null, best_rank = 0;
  for (const element of everything(document)) {
    if (!element.matches(buttons) && !element.matches(known)) continue;
    if (!seen(element)) continue;
    let rank = element.matches(known) ? 5 : 0;
    if (rank === 0) {
      const text = label(element);
      if (text.length === 0 || text.length > 60) continue;
      const kind = accept.test(text) ? (strong.test(text) ? 4 : 3) : close.test(text) ? 1 : 0;
      if (kind === 0) continue;
      const place = surface(element);
      if (place === 2 || (place === 1 && kind >= 3)) rank = kind;
    }
    if (rank > best_rank) [best, best_rank] = [element, rank];
  }
  best?.setAttribute(mark, "");
  return best !== null;
}
