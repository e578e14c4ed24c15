-- Expressions of rules over tests/engine/test_sql_rules_on_trino.py's table, one a line.

-- Numbers
7 / 2
-7 / 2
7 % -2
-7 % 2
7 / 2.0
7.0 / 2
1 / 3.0
2.0 / 3
10.00 / 3
-5.35 / 2
5.35 / -2
0.05 / 3
1.000 / 7.00000
100.0 * count_if(qty > 0) / count(*)
100 * count_if(qty > 0) / count(*)
1.0 * count(qty) / count(*)
1E2 * count(qty) / 3
count(qty) / CAST(count(*) AS double)
count(qty) / CAST(count(*) AS decimal(18, 4))
avg(price)
avg(qty)
avg(weight)
avg(price) FILTER (WHERE qty > 5)
avg(DISTINCT price)
avg(rate)
avg(price * qty)
avg(price + rate)
sum(price) / count(*)
sum(price) / count(price)
sum(price) / sum(qty)
sum(price * rate) / sum(rate)
sum(price) / sum(weight)
max(price) / min(rate)
max(price) / max(qty) / 3.000
sum(coalesce(price, 0)) / 3
sum(if(qty > 2, price, 0)) / 7
sum(CASE WHEN qty > 2 THEN price END) / 7
round(avg(price), 1)
round(sum(price) / 7, 0)
abs(min(price)) / 3
ceil(max(price) / 7)
floor(min(price) / 7)
-min(price) / 3
max(nullif(price, 0)) / 3
greatest(max(price), 2) / 3
least(min(price), 2) / 3
(SELECT max(price) FROM lake.sales) / 3
CAST(max(price) AS decimal(12, 6)) / 7
CAST(max(price) AS double) / 7
CAST(max(price) AS integer) / 7
CAST(1 AS decimal(38, 37)) / 3
sum(price) / 0
1 / 0
1.0 / 0
1E0 / 0
-1E0 / 0
0E0 / 0
sum(weight) / 0
1E0 / -0E0
5 % 0
5E0 % 0
5.5 % 2
-5.5 % 2
5.5 % 0.3
2.5 * 3
0.1 * 0.1
0.1 + 0.2
0.1E0 + 0.2E0
sum(price) * 1.10
sum(price) + sum(rate)
max(price) - max(rate)
sum(rate) * sum(price)
round(2.5)
round(-2.5)
round(2.5E0)
round(-2.5E0)
round(2.555, 2)
round(2.555E0, 2)
round(-0.5E0)
round(1234.5, -2)
round(1250, -2)
ceil(2.1)
floor(-2.1)
truncate(2.789)
truncate(-2.789E0)
truncate(2.789, 1)
sign(-2.5)
mod(7, -2)
power(2, 10)
sqrt(2)
cbrt(27E0)
exp(1)
ln(2)
log10(1000)
log2(8)
abs(-2.50)
bitwise_and(6, 3)
greatest(1, 2.5)
least(1E0, 2)
stddev(qty)
variance(qty)
stddev_pop(weight)
min(weight)
max(weight)
sum(weight)
approx_distinct(qty)
count(DISTINCT qty)
count_if(price > 1.249)
count_if(price = 1.25E0)
bool_or(qty > 6)
max_by(price, qty)
min_by(name, qty)
arbitrary(1)
corr(qty, id)
covar_pop(qty, id)
checksum(id) IS NULL
geometric_mean(id)
sum(DISTINCT qty)

-- Casts
CAST('5' AS integer)
CAST(' 5' AS integer)
CAST('5 ' AS bigint)
CAST('+5' AS integer)
CAST('5.0' AS integer)
CAST('1e3' AS integer)
CAST('' AS integer)
TRY_CAST('x' AS integer)
TRY_CAST('1_0' AS integer)
CAST('1.5' AS double)
CAST('1e3' AS double)
CAST(' 1.5' AS double)
CAST('inf' AS double)
CAST('Infinity' AS double)
CAST('nan' AS double)
CAST('NaN' AS double)
TRY_CAST('abc' AS double)
CAST('12.345' AS decimal(4, 2))
CAST('1e1' AS decimal(4, 2))
CAST(' 1.5' AS decimal(4, 2))
CAST(123.456 AS decimal(4, 1))
TRY_CAST(12345 AS decimal(4, 1))
CAST(2.5 AS integer)
CAST(-2.5 AS integer)
CAST(2.5E0 AS integer)
CAST(3.5E0 AS bigint)
CAST(-2.5E0 AS bigint)
CAST(1E10 AS integer)
CAST(300 AS tinyint)
CAST(true AS integer)
CAST('true' AS boolean)
CAST('t' AS boolean)
CAST('yes' AS boolean)
CAST('1' AS boolean)
CAST(2 AS boolean)
CAST(0E0 AS boolean)
CAST(0E0 AS varchar)
CAST(-0E0 AS varchar)
CAST(1E0 / 3 AS varchar)
CAST(1E7 AS varchar)
CAST(123456789E0 AS varchar)
CAST(1.50 AS varchar)
CAST(REAL '0.1' AS varchar)
CAST(REAL '0.1' AS double)
CAST(true AS varchar)
CAST(DATE '0001-01-01' AS varchar)
CAST('2024-01-31' AS date)
CAST('2024-1-31' AS date)
TRY_CAST('2024-02-30' AS date)
CAST(' 2024-01-31' AS date)
CAST('2024-01-31 10:00' AS timestamp)
CAST('2024-01-31' AS timestamp)
TRY_CAST('2024-01-31T10:00:00' AS timestamp)
CAST(TIMESTAMP '2024-01-31 10:20:30.9996' AS varchar)
CAST(TIMESTAMP '2024-01-31 10:20:30' AS date)
CAST(DATE '2024-01-31' AS timestamp)
CAST('abc' AS varchar(2))
CAST('abc' AS char(5))
CAST('ab' AS char(5)) || 'c'
length(CAST('ab' AS char(5)))

-- Texts, collections, times, logic, JSON
length('São')
upper('ção')
lower('ÇÃO')
substr('abc', 0)
substr('abc', 2)
substr('abc', -2)
substr('abc', 5)
trim('  a ')
ltrim(' a')
rtrim('a ')
reverse('abc')
replace('aab', 'a')
replace('aab', 'a', 'b')
strpos('abc', 'c')
strpos('abc', 'z')
position('b' IN 'abc')
split_part('a,b', ',', 2)
split_part('a,b', ',', 3)
concat('a', 'b', 'c')
'a' || NULL
lpad('7', 3, '0')
lpad('12345', 3, '0')
rpad('7', 3, '0')
chr(231)
codepoint('a')
starts_with('abc', 'ab')
'a' < 'B'
'a ' = 'a'
'' = ' '
'São' LIKE 'S_o'
'a%b' LIKE 'a#%b' ESCAPE '#'
regexp_like('abc', 'b')
regexp_like('ab', '^b')
regexp_extract('a1b2', '[0-9]')
regexp_extract('a1b2', '([a-z])([0-9])', 2)
regexp_replace('a1b2', '[0-9]')
regexp_replace('a1', '([a-z])([0-9])', '$2$1')
cardinality(regexp_extract_all('a1b2', '[0-9]'))
cardinality(split('a,b,c', ','))
array_join(ARRAY[1, NULL, 3], ',')
cardinality(ARRAY[])
element_at(ARRAY[1, 2], -1)
element_at(ARRAY[1, 2], 3)
ARRAY[1, 2][1]
ARRAY[1, 2][3]
ARRAY[1, 2][0]
contains(ARRAY[1, 2], 2)
array_max(ARRAY[1, NULL])
array_max(ARRAY[1, 3])
array_min(ARRAY[2, 1])
array_position(ARRAY[1, 2], 2)
cardinality(array_distinct(ARRAY[1, 1, NULL]))
MAP(ARRAY['a'], ARRAY[1])['a']
MAP(ARRAY['a'], ARRAY[1])['b']
element_at(MAP(ARRAY['a'], ARRAY[1]), 'b')
cardinality(filter(ARRAY[1, 2, 3], x -> x > 1))
reduce(ARRAY[1, 2, 3], 0, (s, x) -> s + x, s -> s)
array_sum(ARRAY[1, 2])
any_match(ARRAY[1, 2], x -> x > 1)
all_match(ARRAY[1, 2], x -> x > 1)
none_match(ARRAY[1], x -> x > 1)
cardinality(sequence(1, 5))
cardinality(array_agg(qty))
year(DATE '2024-02-29')
month(DATE '2024-02-29')
day_of_week(DATE '2024-02-25')
day_of_year(DATE '2024-12-31')
week(DATE '2024-12-30')
quarter(DATE '2024-05-01')
year_of_week(DATE '2024-12-30')
last_day_of_month(DATE '2024-02-10')
date_trunc('month', DATE '2024-02-10')
date_trunc('week', DATE '2024-02-25')
date_add('day', 1, DATE '2024-02-28')
date_add('month', 1, DATE '2024-01-31')
date_diff('day', DATE '2024-01-01', DATE '2024-03-01')
date_diff('month', DATE '2024-01-31', DATE '2024-02-29')
date_diff('hour', TIMESTAMP '2024-01-01 00:59:00', TIMESTAMP '2024-01-01 01:00:00')
date_diff('day', TIMESTAMP '2024-01-02 12:00:00', TIMESTAMP '2024-01-01 13:00:00')
DATE '2024-01-31' + INTERVAL '1' MONTH
DATE '2024-01-01' - INTERVAL '1' DAY
date_format(TIMESTAMP '2024-01-31 05:06:07', '%d/%m/%Y %H:%i:%s')
date_parse('31/01/2024', '%d/%m/%Y')
to_unixtime(TIMESTAMP '1970-01-02 00:00:00')
from_unixtime(0) IS NULL
extract(YEAR FROM DATE '2024-01-31')
extract(DOW FROM DATE '2024-02-25')
hour(TIMESTAMP '2024-01-31 05:06:07')
second(TIMESTAMP '2024-01-31 05:06:07.9')
NULL = NULL
NULL IS DISTINCT FROM NULL
1 IN (2, NULL)
1 NOT IN (1, NULL)
coalesce(NULL, 2)
nullif(1, 1)
if(NULL, 1, 2)
CASE 1 WHEN 1 THEN 'a' END
1 BETWEEN 0 AND 2
nan() = nan()
nan() > 1
is_nan(nan())
is_finite(infinity())
greatest(1E0, nan())
max(weight / weight)
to_hex(md5(to_utf8('a')))
to_hex(sha256(to_utf8('a')))
json_extract_scalar('{"a": 1}', '$.a')
json_extract_scalar('{"a": {"b": "x"}}', '$.a.b')
json_extract_scalar('{"a": [1]}', '$.a')
json_array_length('[1, 2]')
is_json_scalar('1')
try(1 / 0)
try(CAST('x' AS integer))
typeof(1)
typeof(1.5)
typeof(count(*))
url_extract_host('https://a.b/c')
from_base('ff', 16)
to_base(255, 16)

-- Chars
length(country)
country || '!'
concat(country, '!')
country LIKE 'br'
country LIKE 'br%'
count_if(country = 'br')
regexp_like(country, '^br$')
CAST(country AS varchar)
upper(country) = 'BR'
country IN ('br', 'us')
count(DISTINCT country)
max(country) = 'us'
substr(country, 1, 3)
country < 'c'
coalesce(country, 'x') = 'br'
trim(country)

-- Doubles that are no numbers
count_if(weight / 0 = weight / 0)
count_if(weight / weight > 1)
count_if(weight / weight <= 1)
count_if(NOT weight / weight > 1)
count_if(weight / weight <> 1)
count_if(weight / weight = weight / weight)
count_if(weight >= 0)
weight BETWEEN 0 AND 1
weight IN (0.1, 2.5)
