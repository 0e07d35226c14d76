/**
 * The small words of some languages of Latin script, by which a text shows its language when its letters do not: articles,
 * prepositions, pronouns, the commonest verbs, and the numbers that people spell. Ours, from grammar; a word may belong to several languages.
 */
const lists: Readonly<Record<string, string>> = {
  en: "the of and to in that is was he she it his her you i a for on with as be at by this had not are but from or have an they which were we been has will would there their what so if my me them do did can could it's i'm don't zero one two three four five six seven eight nine ten",
  de: 'der die das und in den dem des ist nicht ein eine einen einem einer zu mit von auf für sich es er sie ich wir ihr auch an als wie war hat im aus bei nach noch nur so aber oder wenn dass was sind werden wird zum zur über um mich mir uns null eins zwei drei vier fünf sechs sieben acht neun zehn',
  fr: "le la les de des du et un une est à en que qui dans il elle je nous vous ils pour pas ne sur se au aux ce cette avec par plus mais son sa ses ont été sont on comme tout si y c'est lui leur deux trois quatre cinq sept huit neuf dix",
  es: 'el la los las de del y en que un una es no se por con para su sus lo como más pero al le ha este esta son fue ser si porque muy sin sobre yo me mi ya todo también cuando hay nos era cero uno dos tres cuatro cinco seis siete ocho nueve diez',
  it: "il lo la i gli le di del della dei e un una che in è non si per con da al alla come più ma sono ho ha questo questa nel nella anche se mi ci io lei lui suo sua cosa perché era c'è dell dal o sempre sue suoi alcune alcuni ogni dopo due tre quattro cinque sei sette otto nove dieci",
  pt: 'o a os as de do da dos das e em que um uma é não se por com para no na nos nas ao mais mas como seu sua foi ele ela eu você isso este esta também são tem quando muito já me pelo pela dois três quatro cinco seis sete oito nove dez',
  nl: 'de het een en van in is dat op te zijn met voor niet die aan er om als ook maar bij nog naar dan door over uit ik je hij zij we was heeft wordt worden kan hebben deze dit wat geen had mijn nul twee drie vier vijf zes zeven acht negen tien',
  sv: 'och att det i en är som på för med av inte den till har de ett om så men vi var jag han hon sig från kan när nu ut man under hade efter mig eller vad också där ska denna blev skulle noll två tre fyra fem sex sju åtta nio tio',
  da: 'og at det i en er som på for med af ikke den til har de et om så men vi var jeg han hun sig fra kan når nu ud man under havde efter mig eller hvad også der skal denne blev skulle nul to tre fire fem seks syv otte ni ti',
  no: 'og at det i en er som på for med av ikke den til har de et om så men vi var jeg han hun seg fra kan når nå ut man under hadde etter meg eller hva også der skal denne ble skulle null to tre fire fem seks sju åtte ni ti',
  pl: 'i w na z do się nie że to jest jak o po ale od za co czy tak już dla jego jej ich by był była może tylko przez przy który która które jestem są mnie ja on ona my wy ten ta te tym bardzo zero jeden dwa trzy cztery pięć sześć siedem osiem dziewięć dziesięć',
};

/** Language (ISO-639-1) → its function words, in lower case. */
export const functionWords: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries(lists).map(([language, words]) => [language, new Set(words.split(' '))]),
);
