"""The names that a pattern may write as \\p{name} in Athena: those of Joni, its engine, which knows Unicode 6.1.

Capitals, blanks, `_` and `-` of a name do not count there. Source: io.airlift.jcodings.unicode.UnicodeProperties, and
tests/engine, where Trino itself matches by each of them.
"""

_LISTED = """
age=1.1 age=2.0 age=2.1 age=3.0 age=3.1 age=3.2 age=4.0 age=4.1 age=5.0 age=5.1 age=5.2 age=6.0 age=6.1 ahex all alnum
alpha alphabetic any arab arabic armenian armi armn ascii asciihexdigit assigned avestan avst bali balinese bamu bamum
batak batk beng bengali bidic bidicontrol blank bopo bopomofo brah brahmi brai braille bugi buginese buhd buhid c cakm
canadianaboriginal cans cari carian cased casedletter caseignorable cc cf chakma cham changeswhencasefolded
changeswhencasemapped changeswhenlowercased changeswhentitlecased changeswhenuppercased cher cherokee ci
closepunctuation cn cntrl co combiningmark common connectorpunctuation control copt coptic cprt cs cuneiform
currencysymbol cwcf cwcm cwl cwt cwu cypriot cyrillic cyrl dash dashpunctuation decimalnumber
defaultignorablecodepoint dep deprecated deseret deva devanagari di dia diacritic digit dsrt egyp egyptianhieroglyphs
enclosingmark ethi ethiopic ext extender finalpunctuation format geor georgian glag glagolitic goth gothic graph
graphemebase graphemeextend graphemelink grbase greek grek grext grlink gujarati gujr gurmukhi guru han hang hangul
hani hano hanunoo hebr hebrew hex hexdigit hira hiragana hyphen idc idcontinue ideo ideographic ids idsb
idsbinaryoperator idst idstart idstrinaryoperator imperialaramaic inaegeannumbers inalchemicalsymbols
inalphabeticpresentationforms inancientgreekmusicalnotation inancientgreeknumbers inancientsymbols inarabic
inarabicextendeda inarabicmathematicalalphabeticsymbols inarabicpresentationformsa inarabicpresentationformsb
inarabicsupplement inarmenian inarrows inavestan inbalinese inbamum inbamumsupplement inbasiclatin inbatak inbengali
inblockelements inbopomofo inbopomofoextended inboxdrawing inbrahmi inbraillepatterns inbuginese inbuhid
inbyzantinemusicalsymbols incarian inchakma incham incherokee incjkcompatibility incjkcompatibilityforms
incjkcompatibilityideographs incjkcompatibilityideographssupplement incjkradicalssupplement incjkstrokes
incjksymbolsandpunctuation incjkunifiedideographs incjkunifiedideographsextensiona incjkunifiedideographsextensionb
incjkunifiedideographsextensionc incjkunifiedideographsextensiond incombiningdiacriticalmarks
incombiningdiacriticalmarksforsymbols incombiningdiacriticalmarkssupplement incombininghalfmarks
incombiningmarksforsymbols incommonindicnumberforms incontrolpictures incoptic incountingrodnumerals incuneiform
incuneiformnumbersandpunctuation incurrencysymbols incypriotsyllabary incyrillic incyrillicextendeda
incyrillicextendedb incyrillicsupplement incyrillicsupplementary indeseret indevanagari indevanagariextended
indingbats indominotiles inegyptianhieroglyphs inemoticons inenclosedalphanumerics inenclosedalphanumericsupplement
inenclosedcjklettersandmonths inenclosedideographicsupplement inethiopic inethiopicextended inethiopicextendeda
inethiopicsupplement ingeneralpunctuation ingeometricshapes ingeorgian ingeorgiansupplement inglagolitic ingothic
ingreek ingreekandcoptic ingreekextended ingujarati ingurmukhi inhalfwidthandfullwidthforms inhangulcompatibilityjamo
inhanguljamo inhanguljamoextendeda inhanguljamoextendedb inhangulsyllables inhanunoo inhebrew inherited
inhighprivateusesurrogates inhighsurrogates inhiragana inideographicdescriptioncharacters inimperialaramaic
ininscriptionalpahlavi ininscriptionalparthian inipaextensions initialpunctuation injavanese inkaithi inkanasupplement
inkanbun inkangxiradicals inkannada inkatakana inkatakanaphoneticextensions inkayahli inkharoshthi inkhmer
inkhmersymbols inlao inlatin1supplement inlatinextendeda inlatinextendedadditional inlatinextendedb inlatinextendedc
inlatinextendedd inlepcha inletterlikesymbols inlimbu inlinearbideograms inlinearbsyllabary inlisu inlowsurrogates
inlycian inlydian inmahjongtiles inmalayalam inmandaic inmathematicalalphanumericsymbols inmathematicaloperators
inmeeteimayek inmeeteimayekextensions inmeroiticcursive inmeroitichieroglyphs inmiao
inmiscellaneousmathematicalsymbolsa inmiscellaneousmathematicalsymbolsb inmiscellaneoussymbols
inmiscellaneoussymbolsandarrows inmiscellaneoussymbolsandpictographs inmiscellaneoustechnical inmodifiertoneletters
inmongolian inmusicalsymbols inmyanmar inmyanmarextendeda innewtailue innko innoblock innumberforms inogham inolchiki
inolditalic inoldpersian inoldsoutharabian inoldturkic inopticalcharacterrecognition inoriya inosmanya inphagspa
inphaistosdisc inphoenician inphoneticextensions inphoneticextensionssupplement inplayingcards inprivateusearea
inrejang inruminumeralsymbols inrunic insamaritan insaurashtra inscriptionalpahlavi inscriptionalparthian insharada
inshavian insinhala insmallformvariants insorasompeng inspacingmodifierletters inspecials insundanese
insundanesesupplement insuperscriptsandsubscripts insupplementalarrowsa insupplementalarrowsb
insupplementalmathematicaloperators insupplementalpunctuation insupplementaryprivateuseareaa
insupplementaryprivateuseareab insylotinagri insyriac intagalog intagbanwa intags intaile intaitham intaiviet
intaixuanjingsymbols intakri intamil intelugu inthaana inthai intibetan intifinagh intransportandmapsymbols inugaritic
inunifiedcanadianaboriginalsyllabics invai invariationselectors invariationselectorssupplement invedicextensions
inverticalforms inyijinghexagramsymbols inyiradicals inyisyllables ital java javaalphabetic javadefined javadigit
javaidentifierignorable javaideographic javaisocontrol javajavaidentifierpart javajavaidentifierstart javaletter
javaletterordigit javalowercase javamirrored javanese javaspacechar javatitlecase javaunicodeidentifierpart
javaunicodeidentifierstart javauppercase javawhitespace joinc joincontrol kaithi kali kana kannada katakana kayahli
khar kharoshthi khmer khmr knda kthi l l1 lana lao laoo latin latn lc ld lepc lepcha letter letternumber limb limbu
linb linearb lineseparator lisu ll lm lo loe logicalorderexception lower lowercase lowercaseletter lt lu lyci lycian
lydi lydian m malayalam mand mandaic mark math mathsymbol mc me meeteimayek merc mero meroiticcursive
meroitichieroglyphs miao mlym mn modifierletter modifiersymbol mong mongolian mtei myanmar mymr n nchar nd newline
newtailue nko nkoo nl no noncharactercodepoint nonspacingmark number oalpha odi ogam ogham ogrext oidc oids olchiki
olck olditalic oldpersian oldsoutharabian oldturkic olower omath openpunctuation oriya orkh orya osma osmanya other
otheralphabetic otherdefaultignorablecodepoint othergraphemeextend otheridcontinue otheridstart otherletter
otherlowercase othermath othernumber otherpunctuation othersymbol otheruppercase oupper p paragraphseparator patsyn
patternsyntax patternwhitespace patws pc pd pe perlhorizontalwhitespace perlverticalwhitespace pf phag phagspa phli
phnx phoenician pi plrd po print privateuse prti ps punct punctuation qaac qaai qmark quotationmark radical rejang
rjng runic runr s samaritan samr sarb saur saurashtra sc sd separator sharada shavian shaw shrd sinh sinhala sk sm so
softdotted sora sorasompeng space spaceseparator spacingmark sterm sund sundanese surrogate sylo sylotinagri symbol
syrc syriac tagalog tagb tagbanwa taile taitham taiviet takr takri tale talu tamil taml tavt telu telugu term
terminalpunctuation tfng tglg thaa thaana thai tibetan tibt tifinagh titlecaseletter ugar ugaritic uideo unassigned
unifiedideograph unknown upper uppercase uppercaseletter vai vaii variationselector vs whitespace word wspace xdigit
xidc xidcontinue xids xidstart xpeo xsux yi yiii z zinh zl zp zs zyyy zzzz
"""
PROPERTIES = frozenset(_LISTED.split())


def is_property(name: str) -> bool:
    return "".join(name.lower().replace("_", " ").replace("-", " ").split()) in PROPERTIES
