/**
 * The numbers of the DWARF standard that heapgraph uses, under our own names: only die.c sees libdwarf.
 */
#ifndef HG_DWARF_DWARFNUM_H
#define HG_DWARF_DWARFNUM_H

enum { /* tags of debug info entries */
       HG_TAG_ARRAY_TYPE = 0x01,
       HG_TAG_CLASS_TYPE = 0x02,
       HG_TAG_ENUMERATION_TYPE = 0x04,
       HG_TAG_FORMAL_PARAMETER = 0x05,
       HG_TAG_LEXICAL_BLOCK = 0x0b,
       HG_TAG_MEMBER = 0x0d,
       HG_TAG_POINTER_TYPE = 0x0f,
       HG_TAG_REFERENCE_TYPE = 0x10,
       HG_TAG_STRUCTURE_TYPE = 0x13,
       HG_TAG_SUBROUTINE_TYPE = 0x15,
       HG_TAG_TYPEDEF = 0x16,
       HG_TAG_UNION_TYPE = 0x17,
       HG_TAG_INHERITANCE = 0x1c,
       HG_TAG_INLINED_SUBROUTINE = 0x1d,
       HG_TAG_PTR_TO_MEMBER_TYPE = 0x1f,
       HG_TAG_SUBRANGE_TYPE = 0x21,
       HG_TAG_BASE_TYPE = 0x24,
       HG_TAG_CONST_TYPE = 0x26,
       HG_TAG_CONSTANT = 0x27,
       HG_TAG_SUBPROGRAM = 0x2e,
       HG_TAG_VARIABLE = 0x34,
       HG_TAG_VOLATILE_TYPE = 0x35,
       HG_TAG_RESTRICT_TYPE = 0x37,
       HG_TAG_UNSPECIFIED_TYPE = 0x3b,
       HG_TAG_RVALUE_REFERENCE_TYPE = 0x42,
       HG_TAG_ATOMIC_TYPE = 0x47,
};

enum { /* encodings of base types */
       HG_ATE_BOOLEAN = 0x02,
       HG_ATE_COMPLEX = 0x03,
       HG_ATE_FLOAT = 0x04,
       HG_ATE_SIGNED = 0x05,
       HG_ATE_SIGNED_CHAR = 0x06,
};

enum { /* operations of location expressions */
       HG_OP_ADDR = 0x03,
       HG_OP_DEREF = 0x06,
       HG_OP_CONST1U = 0x08,
       HG_OP_CONST1S = 0x09,
       HG_OP_CONST2U = 0x0a,
       HG_OP_CONST2S = 0x0b,
       HG_OP_CONST4U = 0x0c,
       HG_OP_CONST4S = 0x0d,
       HG_OP_CONST8U = 0x0e,
       HG_OP_CONST8S = 0x0f,
       HG_OP_CONSTU = 0x10,
       HG_OP_CONSTS = 0x11,
       HG_OP_DUP = 0x12,
       HG_OP_DROP = 0x13,
       HG_OP_OVER = 0x14,
       HG_OP_SWAP = 0x16,
       HG_OP_AND = 0x1a,
       HG_OP_MINUS = 0x1c,
       HG_OP_MUL = 0x1e,
       HG_OP_NEG = 0x1f,
       HG_OP_NOT = 0x20,
       HG_OP_OR = 0x21,
       HG_OP_PLUS = 0x22,
       HG_OP_PLUS_UCONST = 0x23,
       HG_OP_SHL = 0x24,
       HG_OP_SHR = 0x25,
       HG_OP_LIT0 = 0x30,
       HG_OP_LIT31 = 0x4f,
       HG_OP_REG0 = 0x50,
       HG_OP_REG31 = 0x6f,
       HG_OP_BREG0 = 0x70,
       HG_OP_BREG31 = 0x8f,
       HG_OP_REGX = 0x90,
       HG_OP_FBREG = 0x91,
       HG_OP_BREGX = 0x92,
       HG_OP_PIECE = 0x93,
       HG_OP_NOP = 0x96,
       HG_OP_CALL_FRAME_CFA = 0x9c,
       HG_OP_BIT_PIECE = 0x9d,
       HG_OP_IMPLICIT_VALUE = 0x9e,
       HG_OP_STACK_VALUE = 0x9f,
       HG_OP_IMPLICIT_POINTER = 0xa0,
       HG_OP_ADDRX = 0xa1,
       HG_OP_CONSTX = 0xa2,
       HG_OP_ENTRY_VALUE = 0xa3,
       HG_OP_GNU_ENTRY_VALUE = 0xf3,
};

enum { /* entries of DWARF 5 location lists */
       HG_LLE_END_OF_LIST = 0,
       HG_LLE_BASE_ADDRESSX = 1,
       HG_LLE_STARTX_ENDX = 2,
       HG_LLE_STARTX_LENGTH = 3,
       HG_LLE_OFFSET_PAIR = 4,
       HG_LLE_DEFAULT_LOCATION = 5,
       HG_LLE_BASE_ADDRESS = 6,
       HG_LLE_START_END = 7,
       HG_LLE_START_LENGTH = 8,
};

enum { /* entries of DWARF 5 range lists */
       HG_RLE_END_OF_LIST = 0,
       HG_RLE_BASE_ADDRESSX = 1,
       HG_RLE_STARTX_ENDX = 2,
       HG_RLE_STARTX_LENGTH = 3,
       HG_RLE_OFFSET_PAIR = 4,
       HG_RLE_BASE_ADDRESS = 5,
       HG_RLE_START_END = 6,
       HG_RLE_START_LENGTH = 7,
};

enum { /* source languages of units */
       HG_LANG_C89 = 0x01,
       HG_LANG_C = 0x02,
       HG_LANG_C99 = 0x0c,
       HG_LANG_GO = 0x16,
       HG_LANG_C11 = 0x1d,
       HG_LANG_C17 = 0x2c,
};

#endif
