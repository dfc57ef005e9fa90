/// The messages and calls of the original's wire, line by line, against which clients of immudb 0.6
/// were built. A change here is a change of the protocol.
enum Specification {
    /// `<name> <request> <response>`, with `stream` before a streamed response.
    static let methods = """
        CreateUser CreateUserRequest CreateUserResponse
        ChangePassword ChangePasswordRequest google.protobuf.Empty
        DeleteUser DeleteUserRequest google.protobuf.Empty
        Login LoginRequest LoginResponse
        Set KeyValue Index
        SetSV StructuredKeyValue Index
        SafeSet SafeSetOptions Proof
        SafeSetSV SafeSetSVOptions Proof
        Get Key Item
        GetSV Key StructuredItem
        SafeGet SafeGetOptions SafeItem
        SafeGetSV SafeGetOptions SafeStructuredItem
        SetBatch KVList Index
        SetBatchSV SKVList Index
        GetBatch KeyList ItemList
        GetBatchSV KeyList StructuredItemList
        Scan ScanOptions ItemList
        ScanSV ScanOptions StructuredItemList
        Count KeyPrefix ItemsCount
        CurrentRoot google.protobuf.Empty Root
        Inclusion Index InclusionProof
        Consistency Index ConsistencyProof
        ByIndex Index Item
        ByIndexSV Index StructuredItem
        History Key ItemList
        HistorySV Key StructuredItemList
        Health google.protobuf.Empty HealthResponse
        Reference ReferenceOptions Index
        SafeReference SafeReferenceOptions Proof
        ZAdd ZAddOptions Index
        ZScan ZScanOptions ItemList
        ZScanSV ZScanOptions StructuredItemList
        SafeZAdd SafeZAddOptions Proof
        IScan IScanOptions Page
        IScanSV IScanOptions SPage
        Dump google.protobuf.Empty stream pb.KVList
        """

    /// `<message>: <number> <type> <name>; …`, with `*` behind a repeated type.
    static let messages = """
        Key: 1 bytes key
        CreateUserRequest: 1 bytes user; 2 bytes password
        CreateUserResponse: 1 bytes user
        DeleteUserRequest: 1 bytes user
        ChangePasswordRequest: 1 bytes user; 2 bytes oldPassword; 3 bytes newPassword
        LoginRequest: 1 bytes user; 2 bytes password
        LoginResponse: 1 bytes token
        KeyValue: 1 bytes key; 2 bytes value
        StructuredKeyValue: 1 bytes key; 2 Content value
        Content: 1 uint64 timestamp; 2 bytes payload
        Index: 1 uint64 index
        Item: 1 bytes key; 2 bytes value; 3 uint64 index
        StructuredItem: 1 bytes key; 2 Content value; 3 uint64 index
        KVList: 1 KeyValue* KVs
        SKVList: 1 StructuredKeyValue* SKVs
        KeyList: 1 Key* keys
        ItemList: 1 Item* items
        StructuredItemList: 1 StructuredItem* items
        Root: 1 uint64 index; 2 bytes root; 3 Signature signature
        Signature: 1 bytes signature; 2 bytes publicKey
        ScanOptions: 1 bytes prefix; 2 bytes offset; 3 uint64 limit; 4 bool reverse; 5 bool deep
        KeyPrefix: 1 bytes prefix
        ItemsCount: 1 uint64 count
        InclusionProof: 1 uint64 at; 2 uint64 index; 3 bytes root; 4 bytes leaf; 5 bytes* path
        ConsistencyProof: 1 uint64 first; 2 uint64 second; 3 bytes firstRoot; \
        4 bytes secondRoot; 5 bytes* path
        Proof: 1 bytes leaf; 2 uint64 index; 3 bytes root; 4 uint64 at; \
        5 bytes* inclusionPath; 6 bytes* consistencyPath
        SafeItem: 1 Item item; 2 Proof proof
        SafeStructuredItem: 1 StructuredItem item; 2 Proof proof
        SafeSetOptions: 1 KeyValue kv; 2 Index rootIndex
        SafeSetSVOptions: 1 StructuredKeyValue skv; 2 Index rootIndex
        SafeGetOptions: 1 bytes key; 2 Index rootIndex
        SafeReferenceOptions: 1 ReferenceOptions ro; 2 Index rootIndex
        HealthResponse: 1 bool status
        ReferenceOptions: 1 bytes reference; 2 bytes key
        ZAddOptions: 1 bytes set; 2 double score; 3 bytes key
        ZScanOptions: 1 bytes set; 2 bytes offset; 3 uint64 limit; 4 bool reverse
        IScanOptions: 1 uint64 pageSize; 2 uint64 pageNumber
        Page: 1 Item* items; 3 bool more
        SPage: 1 StructuredItem* items; 2 uint64 pageNum; 3 bool more
        SafeZAddOptions: 1 ZAddOptions zopts; 2 Index rootIndex
        pb.KV: 1 bytes key; 2 bytes value; 3 bytes user_meta; 4 uint64 version; \
        5 uint64 expires_at; 6 bytes meta; 10 uint32 stream_id; 11 bool stream_done
        pb.KVList: 1 KV* kv
        """
}
