-- Chance: from 0 up to 1, as good as random and the same again for the same key, number and seed.
create macro chance(key, number) as
    (hash(key, getvariable('seed'), number) % 1000007) / 1000007.0;
create macro normal(key, number) as
    sqrt(-2 * ln(chance(key, number) + 1e-7)) * cos(2 * pi() * chance(key, number + 1000));
-- Microseconds since 1970 whose last digit is no zero, so that their text has all six.
create macro moment(micros) as cast(floor(micros / 10) as bigint) * 10 + 1 + cast(micros as bigint) % 9;
create macro clock(micros) as cast(make_timestamp(micros) as varchar);
create macro encoded_clock(micros) as
    strftime(make_timestamp(micros), '%Y-%m-%d+%H%%3A%M%%3A%S.%f');
-- Version 1 carries the time it was made at; the node of the captured ones ends in anything.
create macro time_uuid(key, micros) as printf(
    '%08x-%04x-%04x-%04x-0242ac11%04x',
    (micros * 10 + 122192928000000000) & 4294967295,
    ((micros * 10 + 122192928000000000) >> 32) & 65535,
    ((micros * 10 + 122192928000000000) >> 48) & 4095 | 4096,
    cast(hash(key, getvariable('seed'), 90) & 16383 as bigint) | 32768,
    cast(hash(key, getvariable('seed'), 91) & 65535 as bigint)
);
create macro random_uuid(key) as printf(
    '%08x-%04x-4%03x-%04x-%04x%08x',
    cast(hash(key, getvariable('seed'), 92) & 4294967295 as bigint),
    cast((hash(key, getvariable('seed'), 92) >> 32) & 65535 as bigint),
    cast((hash(key, getvariable('seed'), 92) >> 48) & 4095 as bigint),
    cast(hash(key, getvariable('seed'), 93) & 16383 as bigint) | 32768,
    cast((hash(key, getvariable('seed'), 93) >> 16) & 65535 as bigint),
    cast(hash(key, getvariable('seed'), 93) >> 32 as bigint)
);
create macro uuid_of(key, micros) as
    case when key % 10 < 7 then time_uuid(key, micros) else random_uuid(key) end;
-- From the moment that Plivo speaks of to the reception: mostly at once, sometimes the first, second
-- or third retry; the next report may be earlier.
create macro arrival(key, number) as
    20000 + cast(floor(chance(key, number) * 480000) as bigint)
    + case when chance(key, number + 10) < 0.003 then 60000000
        when chance(key, number + 10) < 0.005 then 180000000
        when chance(key, number + 10) < 0.006 then 420000000 else 0 end;
