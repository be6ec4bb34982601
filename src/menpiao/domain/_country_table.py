"""ISO 3166 codes and names. Generated: do not edit.

Written by scripts/build_country_table.py from the npm package i18n-iso-countries@7.14.0 (MIT, see NOTICE).
One line a country: alpha-3, numeric, Chinese name, English name, separated by ``|``.
"""
# ruff: noqa: E501

PACKED = """\
ABW|533|阿鲁巴|Aruba
AFG|004|阿富汗|Afghanistan
AGO|024|安哥拉|Angola
AIA|660|安圭拉|Anguilla
ALA|248|奥兰|Åland Islands
ALB|008|阿尔巴尼亚|Albania
AND|020|安道尔|Andorra
ARE|784|阿联酋|United Arab Emirates
ARG|032|阿根廷|Argentina
ARM|051|亚美尼亚|Armenia
ASM|016|美属萨摩亚|American Samoa
ATA|010|南极洲|Antarctica
ATF|260|法属南部领地|French Southern Territories
ATG|028|安提瓜和巴布达|Antigua and Barbuda
AUS|036|澳大利亚|Australia
AUT|040|奥地利|Austria
AZE|031|阿塞拜疆|Azerbaijan
BDI|108|布隆迪|Burundi
BEL|056|比利时|Belgium
BEN|204|贝宁|Benin
BES|535|荷兰加勒比区|Bonaire, Sint Eustatius and Saba
BFA|854|布基纳法索|Burkina Faso
BGD|050|孟加拉国|Bangladesh
BGR|100|保加利亚|Bulgaria
BHR|048|巴林|Bahrain
BHS|044|巴哈马|Bahamas
BIH|070|波黑|Bosnia and Herzegovina
BLM|652|圣巴泰勒米|Saint Barthélemy
BLR|112|白俄罗斯|Belarus
BLZ|084|伯利兹|Belize
BMU|060|百慕大|Bermuda
BOL|068|玻利维亚|Bolivia
BRA|076|巴西|Brazil
BRB|052|巴巴多斯|Barbados
BRN|096|文莱|Brunei Darussalam
BTN|064|不丹|Bhutan
BVT|074|布韦岛|Bouvet Island
BWA|072|博茨瓦纳|Botswana
CAF|140|中非|Central African Republic
CAN|124|加拿大|Canada
CCK|166|科科斯（基林）群岛|Cocos (Keeling) Islands
CHE|756|瑞士|Switzerland
CHL|152|智利|Chile
CHN|156|中国|China
CIV|384|科特迪瓦|Côte d'Ivoire
CMR|120|喀麦隆|Cameroon
COD|180|刚果（金）|Democratic Republic of the Congo
COG|178|刚果（布）|Republic of the Congo
COK|184|库克群岛|Cook Islands
COL|170|哥伦比亚|Colombia
COM|174|科摩罗|Comoros
CPV|132|佛得角|Cape Verde
CRI|188|哥斯达黎加|Costa Rica
CUB|192|古巴|Cuba
CUW|531|库拉索|Curaçao
CXR|162|圣诞岛|Christmas Island
CYM|136|开曼群岛|Cayman Islands
CYP|196|塞浦路斯|Cyprus
CZE|203|捷克|Czechia
DEU|276|德国|Germany
DJI|262|吉布提|Djibouti
DMA|212|多米尼克|Dominica
DNK|208|丹麦|Denmark
DOM|214|多米尼加|Dominican Republic
DZA|012|阿尔及利亚|Algeria
ECU|218|厄瓜多尔|Ecuador
EGY|818|埃及|Egypt
ERI|232|厄立特里亚|Eritrea
ESH|732|西撒哈拉|Western Sahara
ESP|724|西班牙|Spain
EST|233|爱沙尼亚|Estonia
ETH|231|埃塞俄比亚|Ethiopia
FIN|246|芬兰|Finland
FJI|242|斐济|Fiji
FLK|238|福克兰群岛（马尔维纳斯）|Falkland Islands (Malvinas)
FRA|250|法国|France
FRO|234|法罗群岛|Faroe Islands
FSM|583|密克罗尼西亚|Micronesia
GAB|266|加蓬|Gabon
GBR|826|英国|United Kingdom
GEO|268|格鲁吉亚|Georgia
GGY|831|根西|Guernsey
GHA|288|加纳|Ghana
GIB|292|直布罗陀|Gibraltar
GIN|324|几内亚|Guinea
GLP|312|瓜德罗普|Guadeloupe
GMB|270|冈比亚|Republic of The Gambia
GNB|624|几内亚比绍|Guinea-Bissau
GNQ|226|赤道几内亚|Equatorial Guinea
GRC|300|希腊|Greece
GRD|308|格林纳达|Grenada
GRL|304|格陵兰|Greenland
GTM|320|危地马拉|Guatemala
GUF|254|法属圭亚那|French Guiana
GUM|316|关岛|Guam
GUY|328|圭亚那|Guyana
HKG|344|中国香港|Hong Kong, China
HMD|334|赫德岛和麦克唐纳群岛|Heard Island and McDonald Islands
HND|340|洪都拉斯|Honduras
HRV|191|克罗地亚|Croatia
HTI|332|海地|Haiti
HUN|348|匈牙利|Hungary
IDN|360|印尼|Indonesia
IMN|833|马恩岛|Isle of Man
IND|356|印度|India
IOT|086|英属印度洋领地|British Indian Ocean Territory
IRL|372|爱尔兰|Ireland
IRN|364|伊朗|Iran
IRQ|368|伊拉克|Iraq
ISL|352|冰岛|Iceland
ISR|376|以色列|Israel
ITA|380|意大利|Italy
JAM|388|牙买加|Jamaica
JEY|832|泽西|Jersey
JOR|400|约旦|Jordan
JPN|392|日本|Japan
KAZ|398|哈萨克斯坦|Kazakhstan
KEN|404|肯尼亚|Kenya
KGZ|417|吉尔吉斯斯坦|Kyrgyzstan
KHM|116|柬埔寨|Cambodia
KIR|296|基里巴斯|Kiribati
KNA|659|圣基茨和尼维斯|Saint Kitts and Nevis
KOR|410|韩国|South Korea
KWT|414|科威特|Kuwait
LAO|418|老挝|Lao People's Democratic Republic
LBN|422|黎巴嫩|Lebanon
LBR|430|利比里亚|Liberia
LBY|434|利比亚|Libya
LCA|662|圣卢西亚|Saint Lucia
LIE|438|列支敦士登|Liechtenstein
LKA|144|斯里兰卡|Sri Lanka
LSO|426|莱索托|Lesotho
LTU|440|立陶宛|Lithuania
LUX|442|卢森堡|Luxembourg
LVA|428|拉脱维亚|Latvia
MAC|446|中国澳门|Macao, China
MAF|663|法属圣马丁|Saint Martin (French part)
MAR|504|摩洛哥|Morocco
MCO|492|摩纳哥|Monaco
MDA|498|摩尔多瓦|Moldova
MDG|450|马达加斯加|Madagascar
MDV|462|马尔代夫|Maldives
MEX|484|墨西哥|Mexico
MHL|584|马绍尔群岛|Marshall Islands
MKD|807|北马其顿|North Macedonia
MLI|466|马里|Mali
MLT|470|马耳他|Malta
MMR|104|缅甸|Myanmar
MNE|499|黑山|Montenegro
MNG|496|蒙古|Mongolia
MNP|580|北马里亚纳群岛|Northern Mariana Islands
MOZ|508|莫桑比克|Mozambique
MRT|478|毛里塔尼亚|Mauritania
MSR|500|蒙特塞拉特|Montserrat
MTQ|474|马提尼克|Martinique
MUS|480|毛里求斯|Mauritius
MWI|454|马拉维|Malawi
MYS|458|马来西亚|Malaysia
MYT|175|马约特|Mayotte
NAM|516|纳米比亚|Namibia
NCL|540|新喀里多尼亚|New Caledonia
NER|562|尼日尔|Niger
NFK|574|诺福克岛|Norfolk Island
NGA|566|尼日利亚|Nigeria
NIC|558|尼加拉瓜|Nicaragua
NIU|570|纽埃|Niue
NLD|528|荷兰|Netherlands
NOR|578|挪威|Norway
NPL|524|尼泊尔|Nepal
NRU|520|瑙鲁|Nauru
NZL|554|新西兰|New Zealand
OMN|512|阿曼|Oman
PAK|586|巴基斯坦|Pakistan
PAN|591|巴拿马|Panama
PCN|612|皮特凯恩群岛|Pitcairn
PER|604|秘鲁|Peru
PHL|608|菲律宾|Philippines
PLW|585|帕劳|Palau
PNG|598|巴布亚新几内亚|Papua New Guinea
POL|616|波兰|Poland
PRI|630|波多黎各|Puerto Rico
PRK|408|朝鲜|North Korea
PRT|620|葡萄牙|Portugal
PRY|600|巴拉圭|Paraguay
PSE|275|巴勒斯坦|State of Palestine
PYF|258|法属波利尼西亚|French Polynesia
QAT|634|卡塔尔|Qatar
REU|638|留尼汪|Reunion
ROU|642|罗马尼亚|Romania
RUS|643|俄罗斯|Russia
RWA|646|卢旺达|Rwanda
SAU|682|沙特阿拉伯|Saudi Arabia
SDN|729|苏丹|Sudan
SEN|686|塞内加尔|Senegal
SGP|702|新加坡|Singapore
SGS|239|南乔治亚和南桑威奇群岛|South Georgia and the South Sandwich Islands
SHN|654|圣赫勒拿、阿森松和特里斯坦-达库尼亚|Saint Helena
SJM|744|斯瓦尔巴和扬马延|Svalbard and Jan Mayen
SLB|090|所罗门群岛|Solomon Islands
SLE|694|塞拉利昂|Sierra Leone
SLV|222|萨尔瓦多|El Salvador
SMR|674|圣马力诺|San Marino
SOM|706|索马里|Somalia
SPM|666|圣皮埃尔和密克隆|Saint Pierre and Miquelon
SRB|688|塞尔维亚|Serbia
SSD|728|南苏丹|South Sudan
STP|678|圣多美和普林西比|Sao Tome and Principe
SUR|740|苏里南|Suriname
SVK|703|斯洛伐克|Slovakia
SVN|705|斯洛文尼亚|Slovenia
SWE|752|瑞典|Sweden
SWZ|748|斯威士兰|Eswatini
SXM|534|荷属圣马丁|Sint Maarten (Dutch part)
SYC|690|塞舌尔|Seychelles
SYR|760|叙利亚|Syria
TCA|796|特克斯和凯科斯群岛|Turks and Caicos Islands
TCD|148|乍得|Chad
TGO|768|多哥|Togo
THA|764|泰国|Thailand
TJK|762|塔吉克斯坦|Tajikistan
TKL|772|托克劳|Tokelau
TKM|795|土库曼斯坦|Turkmenistan
TLS|626|东帝汶|Timor-Leste
TON|776|汤加|Tonga
TTO|780|特立尼达和多巴哥|Trinidad and Tobago
TUN|788|突尼斯|Tunisia
TUR|792|土耳其|Türkiye
TUV|798|图瓦卢|Tuvalu
TWN|158|中国台湾|Taiwan, China
TZA|834|坦桑尼亚|Tanzania
UGA|800|乌干达|Uganda
UKR|804|乌克兰|Ukraine
UMI|581|美国本土外小岛屿|United States Minor Outlying Islands
URY|858|乌拉圭|Uruguay
USA|840|美国|United States
UZB|860|乌兹别克斯坦|Uzbekistan
VAT|336|梵蒂冈|Vatican City
VCT|670|圣文森特和格林纳丁斯|Saint Vincent and the Grenadines
VEN|862|委内瑞拉|Venezuela
VGB|092|英属维尔京群岛|Virgin Islands, British
VIR|850|美属维尔京群岛|Virgin Islands, U.S.
VNM|704|越南|Vietnam
VUT|548|瓦努阿图|Vanuatu
WLF|876|瓦利斯和富图纳|Wallis and Futuna
WSM|882|萨摩亚|Samoa
XKK|983|科索沃|Kosovo
YEM|887|也门|Yemen
ZAF|710|南非|South Africa
ZMB|894|赞比亚|Zambia
ZWE|716|津巴布韦|Zimbabwe
"""
