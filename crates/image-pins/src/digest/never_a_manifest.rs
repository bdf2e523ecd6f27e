//! Digests that can be no manifest's: those of what failed commands print, and of empty layers.

/// What failed commands print instead of a manifest, with the SHA-256 and the SHA-512 digests of it.
pub(super) const OUTPUTS: [(&str, &str, &str); 39] = [
    (
        "\n",
        "01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b",
        "be688838ca8686e5c90689bf2ab585cef1137c999b48c70b92f67a5c34dc15697b5d11c982ed6d71be1e1e7f7b4e0733884aa97c3f7a339a8ed03577cf74be09",
    ),
    (
        "\r\n",
        "7eb70257593da06f682a3ddda54a9d260d4fc514f645237f5ca74b08f8da61a6",
        "1b302a2f1e624a5fb5ad94ddc4e5f8bfd74d26fa37512d0e5face303d8c40eee0d0ffa3649f5da43f439914d128166cb6c4774a7caa3b174d7535451eb697b5d",
    ),
    (
        " ",
        "36a9e7f1c95b82ffb99743e0c5c4ce95d83c9a430aac59f84ef3cbfab6145068",
        "f90ddd77e400dfe6a3fcf479b00b1ee29e7015c5bb8cd70f5f15b4886cc339275ff553fc8a053f8ddc7324f45168cffaf81f8c3ac93996f6536eef38e5e40768",
    ),
    (
        " \n",
        "e16f1596201850fd4a63680b27f603cb64e67176159be3d8ed78a4403fdb1700",
        "f8aca02e28996a586f535eed5de9f4533b8b2910762f524459f6fae6fb3f8f7540db5f2c809c1c07167a95b33f6f3f85589af99182e2d2bf93f964de169dd4c0",
    ),
    (
        "{}",
        "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        "27c74670adb75075fad058d5ceaf7b20c4e7786c83bae8a32f626f9782af34c9a33c2046ef60fd2a7878d378e29fec851806bbd9a67878f3a9f1cda4830763fd",
    ),
    (
        "{}\n",
        "ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356",
        "ca4b6defb8adcc010050bc8b1bb8f8092c4928b8a0fba32146abcfb256e4d91672f88ca2cdf6210e754e5b8ac5e23fb023806ccd749ac8b701f79a691f03c87a",
    ),
    (
        "{}\r\n",
        "e3566b3a06430868d71e9287dfd6c6c520a3da027aabea01951d407ee131dc2f",
        "7bbf6dac485c9e59d02edabc91ff5b15bc1319cef6905c0077ee16e3b1f572b61bff85f2400bc0f5b4aeab0260bd5d68787d72c7a688d79192952f7957a44de3",
    ),
    (
        "{ }",
        "257c1be96ae69f4b01c2c69bdb6d78605f59175819fb007d0bf245bf48444c4a",
        "33409ed18dea98c5885b7de4e28d2bdf0c58209be6f1942d4607b3fe03c771e614ba486b0a4c853caad13bf49b9d8a9c004939effa370c07f67958ec9770eaff",
    ),
    (
        "{\n}\n",
        "d914176fd50bd7f565700006a31aa97b79d3ad17cee20c8e5ff2061d5cb74817",
        "cf06a50de1bf63b7052c19ad53766fa0d99a4d88db76a7cbc672e33276e3d423e4c5f5cb4a8ae188c5c0e17d93bb740eaab6f25753f0d26501c5f84aeded075d",
    ),
    (
        "[]",
        "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945",
        "b25b294cb4deb69ea00a4c3cf3113904801b6015e5956bd019a8570b1fe1d6040e944ef3cdee16d0a46503ca6e659a25f21cf9ceddc13f352a3c98138c15d6af",
    ),
    (
        "[]\n",
        "37517e5f3dc66819f61f5a7bb8ace1921282415f10551d2defa5c3eb0985b570",
        "b7a9336ed3a424b5d4d59d9b20d0bbc33217207b584db6b758fddb9a70b99e7c8c9f8387ef318a6b2039e62f09a3a2592bf5c76d6947a6ea1d107b924d7461f4",
    ),
    (
        "[\n]\n",
        "3fbbd4c6d76130399b0c79cdf41758669224a91e05b7b216953f0c9728750865",
        "eeb77c599dbe5da30338cf5a7b9dc16f5f4493aa68ce5e9953553434541551b5ea8bb9f5289fd0ee15e1ac4513c7d2888797b3d72438defb196270483608fb45",
    ),
    (
        "null",
        "74234e98afe7498fb5daf1f36ac2d78acc339464f950703b8c019892f982b90b",
        "04f8ff2682604862e405bf88de102ed7710ac45c1205957625e4ee3e5f5a2241e453614acc451345b91bafc88f38804019c7492444595674e94e8cf4be53817f",
    ),
    (
        "null\n",
        "38e0b9de817f645c4bec37c0d4a3e58baecccb040f5718dc069a72c7385a0bed",
        "f96f4e45908897091e943fce1cefceaf213ed5746b997b97187b3e6e989476132e2358b2c5af4ec8942b3c00d6f8d1273e539d1b2ea82aef6c0a92a312d88a6d",
    ),
    (
        "null\r\n",
        "abdfbffecbe18ed94df9829819e596ee285b52a94aa108514452a9121721c789",
        "f9f0a2040f85cc0338b9fb6770180d3d7cdf0f12d8e3bdf01b9a27c1c03f6653a768ba73fa427813561ea8b221b349e11f64221366841b602c3618f7197f283b",
    ),
    (
        "\"\"",
        "12ae32cb1ec02d01eda3581b127c1fee3b0dc53572ed6baf239721a03d82e126",
        "64d24560970ca14d349bea0e7d2526d4754bf3283568ab4dd602bd79eb454dc3657d5bb6f9a30c90ea98d9600ebd0fb45d582f4cae3f8e3c50b0e8fb18059892",
    ),
    (
        "\"\"\n",
        "bd85bcdb8d4e613a79cb62d0903946ad10c83e63dc75f67614c159c0dbf4d184",
        "12793ab79c1b4eab7fbfe1ca524f6e9518df6b96654d5a5bf131339f8143636ff6fcb480486e9b3792e29bc87aeaaa2936a3909904113806b0966c13bb44c33c",
    ),
    (
        "''\n",
        "2737d768927fcadab0c046a31d296dc80a26d163133a465cd3c15fd35e9b35cd",
        "ff13ac894832a5d86599781fee5cdf1767ea86c7d9cd258014c3e235b0f80b80acf4dfa5b10f34a8e735a88ffd61ee098d2e8228ad52f2db4b0eb331dcfd448c",
    ),
    (
        "<none>",
        "6e9c960fd025b2e5b1cbceebc7e7b31d041c4c352987f3b56b07f14ad43abca7",
        "e24620db3542c89f6652282f1c5217dbf6d0d187b6f93365054a17ca171a74f7d06db5039a0ecfa370784dc13196d25ae69aba7d990424c240fc773ef9565cbd",
    ),
    (
        "<none>\n",
        "d7455d7294934c176474483677f42d3ff6f103f730ab61f15b7d81b67a89888a",
        "a00903ac0ec7d33b385363f3bb482091f5b1429bab8ec479240c7b83cf3f6cda3376f54402ed056386f268f3a99b433c3297f911089fbc9ae2bb3bea7515f36d",
    ),
    (
        "<nil>",
        "a9dc16a7a3875d174c1af4f923f261cafc124357f2322493a59ee0d14fcd10db",
        "11e695017873e44154228ab0ff2a87081515bf8f492e1af8fb60ab975cd04b5bb9a9d94054c32cfefbf326ce136473ede75e8824fc01227abe139c35aed90b13",
    ),
    (
        "<nil>\n",
        "cc925a337413bc197145439db5efb5f1ca846581cd25a184101c94bef41f0db2",
        "d8da0f753faffcdd55d22ea5af6fb7e6ce3116f6d5c902620c19166b9f2cc6352d1449eb97b08ffd372239bc0604ddbbe50c78c16e7e47fa60616d7d292f8929",
    ),
    (
        "<no value>",
        "ec362c5330da595a1707f842bd449de0fcaaf33f13837e11d34a6c84d4f76ef4",
        "abeec2181e6b54b15a5ba9517943afd32d820bafca926237e07c19e2ec3d15b62655c972388f80ba1be4d54af4ad2ea410cda92964dedd3057d310af3e6b1e22",
    ),
    (
        "<no value>\n",
        "50814fc332b7008d63570721bc07e1f61b0b85dcecf7dd3b73e351d8f1547903",
        "18d0f4c0cbfa43644abbc68b30ccf9dd8d4debe5aa2c089ebbc448c52c0463405c7210dac04efa66ea074660a255785c4e972a301673b57076f88aab3139d176",
    ),
    (
        "None",
        "dc937b59892604f5a86ac96936cd7ff09e25f18ae6b758e8014a24c7fa039e91",
        "e39d05b72f25767869d44391919434896bb055772d7969f74472032b03bc18418911f3b0e6dd47ff8f3b2323728225286c3cb36914d28dc7db40bdd786159c0a",
    ),
    (
        "None\n",
        "af5d8a21858f42808c9bcc17012b77bcc2fd6ab3b071dbd4a05f13f410470541",
        "21b4dbd709b692b3d9c22cc99b14c2ee39bbd5396553901ee855da776be51b76d23daa61cb68a66365c6d3cdbe7733f9594eb29087170233b878e9d697e7bc07",
    ),
    (
        "undefined",
        "eb045d78d273107348b0300c01d29b7552d622abbc6faf81b3ec55359aa9950c",
        "16a332e891e86030aa9d08ab032fe026c4d4857b64902c386f3ede705373ecf9206f58d712a91a07a63dcbd14f133ab48571bfeb88927995224b299916af8fa5",
    ),
    (
        "undefined\n",
        "770c2d18aa4ec3159f46da461ef452972949942ff4f6a9771044485faa146398",
        "f9f7cf3257b9e2ce0cf4c4646a004f7e8d9280163d29e1bd4b34a74765cf6a935fc914cf98db7e090275f1106697f1fabb66d64086230c2080edf589bef1da2c",
    ),
    (
        "false\n",
        "2ed27c1421e6928dbe13dbfdb5c59e1045b30341fe7ebe05700006bc5ac572c0",
        "a0d71be3f1c5b3da25c46a98d2c86aaa3e2fc256c5ae7fcd648ee296e7428b6978fcf994be1103ada28a8051619843e3b26174124aa804f76d550c68c4fcc1c0",
    ),
    (
        "true\n",
        "a17fcf0a2f50e2d495e4f90ce263410edc183add6c62699a2facbccf60410f74",
        "788b03849e8ae70c8e541773122f45be8b15214081c3157377b743c9f94794ba6a5d0e3c29aebcdcce032679dc11036b5dd5c74b6f685b4a41ee6fc3ac5630f9",
    ),
    (
        "0",
        "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9",
        "31bca02094eb78126a517b206a88c73cfa9ec6f704c7030d18212cace820f025f00bf0ea68dbf3f3a5436ca63b53bf7bf80ad8d5de7d8359d0b7fed9dbc3ab99",
    ),
    (
        "0\n",
        "9a271f2a916b0b6ee6cecb2426f0b3206ef074578be55d9bc94f6f3fe3ab86aa",
        "a546d1300f49037a465ecec8bc1ebd07d57015a5ff1abfa1c94da9b30576933fb68e3898ff764d4de6e6741da822a7c93adc6e845806a266a63aa14c8bb09ebb",
    ),
    (
        "-",
        "3973e022e93220f9212c18d0d0c543ae7c309e46640da93a4a0314de999f5112",
        "7c0b0d99a6e4c33cda0f6f63547f878f4dd9f486dfe5d0446ce004b1c0ff28f191ff86f5d5933d3614cceee6fbbdc17e658881d3a164dfa5d6f4c699b2126e3d",
    ),
    (
        "-\n",
        "61d1954b9aba0c9aedb8d1338804e817c7262cfc36da94161dab8e3ed7a3a43a",
        "1c5075de8e8c63f7a7737fa3a857d6a7b471ecf7e8cd0ed9b82bca1e02d31e212839b69408b0424b2bbeaf80b9e08965001c73e3f2ff0d52af9764c1da501017",
    ),
    (
        "not found\n",
        "709009e02c8e364113b28205aadde30cce270d709073f28153c85fdc5036c96d",
        "f39617825fb31e80a777a721a2c978a341761ac90903b8db268b3b716f1bb15f1a7ede6e3acc9dc0cd0869ef4b80d9cbe4acdccbc1b98b7d2fe67aedda4e9814",
    ),
    (
        "404 page not found\n",
        "b16e15764b8bc06c5c3f9f19bc8b99fa48e7894aa5a6ccdad65da49bbf564793",
        "fd13c580d15cc5e8b87d97ead633209930e00e85c113c776088e246b47f140efe99bdf6ab02070677445db65410f7e62ec23c71182f9f78e9d0e1b9f7fda0dc3",
    ),
    (
        "404: Not Found",
        "d5558cd419c8d46bdc958064cb97f963d1ea793866414c025906ec15033512ed",
        "f3781cbb4e9e190df38c3fe7fa80ba69bf6f9dbafb158e0426dd4604f2f1ba794450679005a38d0f9f1dad0696e2f22b8b086b2d7d08a0f99bb4fd3b0f7ed5d8",
    ),
    (
        "Not Found",
        "0019dfc4b32d63c1392aa264aed2253c1e0c2fb09216f8e2cc269bbfb8bb49b5",
        "935b3d516e996f6d25948ba8a54c1b7f70f7f0e3f517e36481fdf0196c2c5cfc2841f86e891f3df9517746b7fb605db47cdded1b8ff78d9482ddaa621db43a34",
    ),
    (
        "Not Found\n",
        "7515bf959b73b956ceb967351c7e299cbb3668a53d35f9c770eb72e00d93ced6",
        "bf69c60fbb6d5ff50d81cd093cbabe59cd4eed439822e9ed02472245c3dae033cec143f1c4bbe6f702b7530f87c020442217ca1859da8f4b0f578a93b46cbdfa",
    ),
];

/// SHA-256 digests of a layer without files: an empty tar archive (1,024 zero bytes), and the two forms in which Docker
/// compresses it.
pub(super) const EMPTY_LAYERS: [&str; 3] = [
    "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
    "a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4",
    "4f4fb700ef54461cfa02571ae0db9a0dc1e0cdb5577484a6d75e68dc38e8acc1",
];

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256, Sha512};

    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_digests_are_those_of_the_texts() {
        for (text, sha256, sha512) in OUTPUTS {
            assert_eq!(hex(&Sha256::digest(text)), sha256, "{text:?}");
            assert_eq!(hex(&Sha512::digest(text)), sha512, "{text:?}");
        }
        assert_eq!(hex(&Sha256::digest([0; 1024])), EMPTY_LAYERS[0]);
    }
}
